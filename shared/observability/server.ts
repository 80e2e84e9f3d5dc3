import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostToListen, type Port, portToListen } from '../settings/kinds.js';
import { listening } from '../settings/listening.js';
import type { ProcessMetrics } from './metrics.js';
import type { Logger } from './types.js';

/** What `/readyz` says: why the process is not ready, or that it is. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Nobody but a few monitors comes here. */
const CONNECTIONS = 100;

export type Page = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

interface ObservabilityOptions {
  readonly port: Port;
  readonly host: string;
  readonly metrics: ProcessMetrics;
  readonly log: Logger;
  /** Whether the process can serve now: its listeners are up, its link to the core, its storage. */
  readonly ready: () => Readiness | Promise<Readiness>;
  /** Further read-only pages by path (`/status`). */
  readonly pages?: ReadonlyMap<string, Page>;
}

interface ObservabilityServer {
  /** Null where METRICS_PORT is off. */
  readonly address: { readonly host: string; readonly port: number } | null;
  close(): Promise<void>;
}

/** Serves `/metrics`, `/healthz` and `/readyz` over HTTP; does nothing where the port is off. */
export async function startObservabilityServer(options: ObservabilityOptions): Promise<ObservabilityServer> {
  const port = portToListen(options.port);
  if (port === null) return { address: null, close: async () => undefined };
  options.metrics.collectProcess();
  // A scrape is one small request: whoever needs longer for it keeps somebody else out.
  const times = { connectionsCheckingInterval: 2_000, headersTimeout: 5_000, requestTimeout: 10_000 };
  const server = createServer(times, (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log.error({ code: 'observability.request-failed', error }, 'cannot answer a request');
      if (!response.headersSent) send(response, 500, 'text/plain; charset=utf-8', 'error\n');
      else response.destroy();
    });
  });
  // also ends the wait for a client that does not read its answer
  server.timeout = 30_000;
  server.maxConnections = CONNECTIONS;
  await listening(server, { port, host: hostToListen(options.host) }, 'METRICS_PORT', 'METRICS_HOST');
  const address = server.address() as AddressInfo;
  options.log.info(
    { code: 'observability.listening', host: address.address, port: address.port },
    'metrics and health are served',
  );
  return {
    address: { host: address.address, port: address.port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  options: ObservabilityOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, 405, 'text/plain; charset=utf-8', 'only GET and HEAD\n');
  }
  if (path === '/metrics')
    return send(response, 200, options.metrics.contentType, await options.metrics.expose());
  if (path === '/healthz') return send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
  if (path === '/readyz') {
    const readiness = await options.ready();
    return readiness.ready
      ? send(response, 200, 'text/plain; charset=utf-8', 'ready\n')
      : send(response, 503, 'text/plain; charset=utf-8', `not ready: ${readiness.reason}\n`);
  }
  const page = options.pages?.get(path);
  if (page !== undefined) return page(request, response);
  return send(response, 404, 'text/plain; charset=utf-8', 'not found\n');
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  // Node sends no body in answer to HEAD.
  response.end(body);
}
