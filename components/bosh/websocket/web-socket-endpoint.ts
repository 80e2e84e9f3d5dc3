import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Counter, Logger } from '../../../shared/observability/types.js';
import type { RequestOrigin } from '../http/client-address.js';
import type { AllowedOrigins } from '../http/cors.js';
import type { BoshLimits } from '../session/limits.js';
import type { SessionTable } from '../session/session-table.js';
import type { ClientOrigin, Upstream } from '../upstreams/upstream.js';
import { WebSocketSession } from './web-socket-session.js';

const subprotocol = 'xmpp';

interface WebSocketEndpointOptions {
  readonly sessions: SessionTable;
  readonly upstream: Upstream;
  readonly limits: BoshLimits;
  readonly origins: AllowedOrigins;
  readonly pingSeconds: number;
  readonly secureUri: string | undefined;
  readonly log: Logger;
  readonly handshakes: Counter;
  readonly stopping: () => boolean;
}

/** `/xmpp-websocket`: the handshake of RFC 7395 §3.1, and the sessions that come of it. */
export class WebSocketEndpoint {
  readonly #options: WebSocketEndpointOptions;
  readonly #server: WebSocketServer;
  readonly #sessions = new Set<WebSocketSession>();

  constructor(options: WebSocketEndpointOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // A compressed frame of a few bytes may become any size, and memory per connection would double.
      perMessageDeflate: false,
      // What is somewhat too long is read, so that the client can be told in XMPP; more ends the connection (1009).
      maxPayload: 2 * options.limits.stanzaBytes,
      autoPong: false,
      handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
    });
  }

  get count(): number {
    return this.#sessions.size;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, from: RequestOrigin) {
    const { origins, sessions, handshakes, log } = this.#options;
    handshakes.inc();
    const { origin } = request.headers;
    // Browsers do not hold WebSockets to the same-origin policy: the server must (RFC 6455 §10.2).
    if (origin !== undefined && !origins.allows(origin, from)) {
      return refuse(socket, '403 Forbidden', 'This origin is not allowed here.');
    }
    if (!offersXmpp(request.headers['sec-websocket-protocol'])) {
      return refuse(socket, '400 Bad Request', 'The subprotocol xmpp is required (RFC 7395).');
    }
    if (this.#options.stopping()) return refuse(socket, '503 Service Unavailable', 'Stopping.');
    const client: ClientOrigin = { transport: 'websocket', address: from.address, secure: from.secure };
    if (!sessions.admit({ origin: client })) {
      log.warn({ code: 'bosh.too-many-sessions', address: from.address }, 'a session was refused');
      return refuse(socket, '503 Service Unavailable', 'Too many sessions.');
    }
    let accepted = false;
    // ws ends a bad handshake by itself and never calls back.
    socket.once('close', () => {
      if (!accepted) sessions.release({ origin: client });
    });
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      accepted = true;
      const session = new WebSocketSession({
        socket: webSocket,
        connection: socket,
        origin: client,
        upstream: this.#options.upstream,
        pingSeconds: this.#options.pingSeconds,
        secureUri: this.#options.secureUri,
        defect: (error) => log.error({ code: 'bosh.request-failed', error }, 'a frame failed'),
        over: (one, why) => {
          this.#sessions.delete(one);
          sessions.release(one);
          log.debug(
            { code: 'bosh.websocket-ended', address: client.address, why },
            'WebSocket session ended',
          );
        },
      });
      this.#sessions.add(session);
    });
  }

  /** Ends all sessions: this process stops. */
  shutdown(): void {
    for (const session of [...this.#sessions]) session.shutdown();
    this.#server.close();
  }
}

function offersXmpp(header: string | undefined): boolean {
  return header?.split(',').some((name) => name.trim() === subprotocol) ?? false;
}

function refuse(socket: Duplex, status: string, text: string): void {
  socket.on('error', () => undefined);
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text) + 1}\r\n\r\n${text}\n`,
  );
}
