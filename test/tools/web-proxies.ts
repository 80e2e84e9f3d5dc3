import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificate, writePair } from './certificates.js';
import { findProgram, freePort } from './foreign/programs.js';

export type ProxyKind = 'nginx' | 'haproxy';

/** A reverse proxy with a configuration from docs/web.md. */
export interface WebProxy {
  readonly port: number;
  /** Its certificate (for localhost), to be trusted as a root. */
  readonly ca: string;
  stop(): Promise<void>;
}

/** The configuration under a heading of docs/web.md, word for word. */
function documentedConfiguration(heading: string, kind: ProxyKind): string {
  const page = readFileSync(join(process.cwd(), 'docs', 'web.md'), 'utf8');
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`));
  const block = new RegExp(`^\`\`\`${kind}\n([\\s\\S]*?)^\`\`\``, 'm').exec(section ?? '')?.[1];
  if (block === undefined) throw new Error(`docs/web.md has no ${kind} configuration under "${heading}"`);
  return block;
}

/**
 * Runs the documented configuration. Nothing of it is changed but addresses: `backends` says which real ones stand for
 * those in the document; the port 443 and the certificate's files are our own. Undefined where it is not installed.
 */
export async function startWebProxy(
  kind: ProxyKind,
  heading: string,
  backends: Readonly<Record<string, string>>,
): Promise<WebProxy | undefined> {
  const program = findProgram(kind);
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), `${kind}-`));
  const pair = testCertificate(['localhost', '127.0.0.1']);
  const { cert, key } = writePair(join(folder, 'server'), pair);
  const pem = join(folder, 'server.pem');
  writeFileSync(pem, pair.certificate + pair.key, { mode: 0o600 });
  const port = await freePort();
  let text = documentedConfiguration(heading, kind);
  const changes: [string, string][] = [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['bind :443 ', `bind 127.0.0.1:${port} `],
    ['/etc/ssl/chat.example.com.crt', cert],
    ['/etc/ssl/chat.example.com.key', key],
    ['/etc/haproxy/chat.example.com.pem', pem],
    ...Object.entries(backends),
  ];
  for (const [documented, real] of changes) text = text.replaceAll(documented, real);
  const file = join(folder, 'proxy.conf');
  writeFileSync(file, kind === 'nginx' ? asWholeFile(text, folder) : text);
  const args = kind === 'nginx' ? ['-p', folder, '-c', file, '-e', 'stderr'] : ['-db', '-f', file];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += chunk));
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  if (!(await listens(port, child))) {
    await stop();
    throw new Error(`${kind} did not start:\n${log}\n${text}`);
  }
  return { port, ca: pair.certificate, stop };
}

/** What stands around a file of `conf.d` in Debian's nginx.conf, as far as it is needed here. */
function asWholeFile(text: string, folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  return `${user}daemon off;
worker_processes 1;
pid ${join(folder, 'pid')};
error_log stderr;
events {}
http {
access_log off;
${temporary.join('\n')}
${text}
}
`;
}

async function listens(port: number, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + 15_000;
  while (performance.now() < deadline && child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}
