import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { acceptsGzip } from './http-exchange.js';
import type { Handler } from './web-server.js';

/** Nothing but what is served here, and no inline code or style. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

export interface PageOptions {
  /** The domain that the log-in form suggests. */
  readonly domain: string;
  /** Whether clients can log in now. */
  readonly ready: () => boolean;
}

/** The folder of the page's files in the source tree, from the compiled file as well. */
function pageFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const compiled = here.includes(`${join('dist', 'components')}`);
  return join(here, compiled ? '../../../..' : '../../..', 'components/bosh/page');
}

/** `/` with the chat, its files, Strophe.js from its npm package, and `/status.json`. */
export function pageHandlers(options: PageOptions): Map<string, Handler> {
  const folder = pageFolder();
  const strophe = createRequire(import.meta.url).resolve('strophe.js/package.json');
  const handlers = new Map<string, Handler>();
  const files: [string, string][] = [
    ['', join(folder, 'index.html')],
    ['/chat.mjs', join(folder, 'chat.mjs')],
    ['/rooms.mjs', join(folder, 'rooms.mjs')],
    ['/view.mjs', join(folder, 'view.mjs')],
    ['/chat.css', join(folder, 'chat.css')],
    ['/strophe.mjs', join(dirname(strophe), 'dist/strophe.esm.js')],
  ];
  for (const [path, file] of files) handlers.set(path, serve(readFileSync(file), typeOf(path)));
  handlers.set('/status.json', (request, response) => {
    const body = JSON.stringify({ ready: options.ready(), domain: options.domain });
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  return handlers;
}

function typeOf(path: string): string {
  return types[path === '' ? 'html' : path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}

function serve(content: Buffer, type: string): Handler {
  const compressed = gzipSync(content);
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD', 'Content-Length': 0 });
      response.end();
      return;
    }
    const gzip = acceptsGzip(request.headers['accept-encoding']);
    const body = gzip ? compressed : content;
    response.writeHead(200, {
      'Content-Type': type,
      'Content-Length': body.length,
      ...(gzip ? { 'Content-Encoding': 'gzip' } : {}),
      Vary: 'Accept-Encoding',
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': contentSecurityPolicy,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'X-Frame-Options': 'DENY',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}
