import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { spareDescriptors } from '../../../shared/net/descriptors.js';
import type { Logger } from '../../../shared/observability/types.js';
import { listening } from '../../../shared/settings/listening.js';
import type { RequestOrigin, TrustedProxies } from './client-address.js';

export type Handler = (request: IncomingMessage, response: ServerResponse, from: RequestOrigin) => void;
export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  from: RequestOrigin,
) => void;

interface WebServerOptions {
  readonly proxies: TrustedProxies;
  /** By path, without a trailing slash (`''` is the root). */
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly upgrades: ReadonlyMap<string, UpgradeHandler>;
  /** Seconds without a byte after which a connection is closed: longer than any request is held. */
  readonly idleSeconds: number;
  /** Connections of one listener; more are closed as they come. */
  readonly connections: number;
  readonly log: Logger;
}

/** For the head of a request, for all of it, and how often both are looked at; for the TLS handshake. In milliseconds. */
const times = { headersTimeout: 15_000, requestTimeout: 60_000, connectionsCheckingInterval: 5_000 };
const handshakeTimeout = 15_000;

/** The HTTP listeners of this process: one table of paths, served with and without TLS. */
export class WebServer {
  readonly #options: WebServerOptions;
  readonly #servers: Server[] = [];
  #droppedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WebServerOptions) {
    this.#options = options;
  }

  /** Listens; resolves with the real port. `tls`: serve HTTPS with these certificates. */
  async listen(
    port: number,
    host: string | undefined,
    tls?: ServerOptions,
  ): Promise<{ port: number; server: Server }> {
    const server =
      tls === undefined ? createServer(times) : createSecureServer({ ...times, ...tls, handshakeTimeout });
    server.on('request', (request, response) => this.#request(request, response));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    // One limit for connections, whether a request is open or not: to change it with each request and back costs more
    // than a connection that is idle for a little longer.
    server.keepAliveTimeout = 0;
    server.maxConnections = this.#options.connections;
    spareDescriptors(server, this.#options.log);
    server.on('drop', () => this.#dropped());
    // Also ends the wait for a client that does not read its response.
    server.timeout = this.#options.idleSeconds * 1000;
    await listening(server, { port, host }, tls === undefined ? 'BOSH_PORT' : 'BOSH_TLS_PORT');
    this.#servers.push(server);
    return { port: (server.address() as AddressInfo).port, server };
  }

  /** Said once a minute at most: who does this can do it thousands of times a second. */
  #dropped(): void {
    const now = performance.now();
    if (now - this.#droppedAt < 60_000) return;
    this.#droppedAt = now;
    this.#options.log.warn(
      { code: 'bosh.too-many-connections' },
      'connections are refused: there are too many',
    );
  }

  #request(request: IncomingMessage, response: ServerResponse) {
    request.on('error', ignore);
    response.on('error', ignore);
    const { handlers } = this.#options;
    const handler = handlers.get(request.url ?? '') ?? handlers.get(pathOf(request));
    if (handler === undefined) return notFound(response);
    try {
      handler(request, response, this.#options.proxies.originOf(request));
    } catch (error) {
      this.#options.log.error({ code: 'bosh.request-failed', error }, 'a request failed');
      response.destroy();
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined);
    const handler = this.#options.upgrades.get(pathOf(request));
    if (handler === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    try {
      handler(request, socket, head, this.#options.proxies.originOf(request));
    } catch (error) {
      this.#options.log.error({ code: 'bosh.request-failed', error }, 'a WebSocket handshake failed');
      socket.destroy();
    }
  }

  /** Accepts no more connections; closes those that are idle. */
  stopListening(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeIdleConnections();
    }
  }

  /** Cuts what is left. */
  closeAll(): void {
    for (const server of this.#servers) server.closeAllConnections();
  }
}

function ignore(): void {}

/** The path of a request without its query and a trailing slash. */
function pathOf(request: IncomingMessage): string {
  // RFC 9112 §3.2.2: a whole URL must be taken too.
  const target = (request.url ?? '/').replace(/^https?:\/\/[^/?#]*/i, '');
  const path = target.split('?', 1)[0] || '/';
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function notFound(response: ServerResponse): void {
  const text = 'Nothing here.\n';
  response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': text.length });
  response.end(text);
}
