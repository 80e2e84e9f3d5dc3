import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Logger } from '../../shared/observability/types.js';
import { hostToListen } from '../../shared/settings/kinds.js';
import { secureServerSocket } from '../../shared/tls/server-socket.js';
import type { XmlLimits } from '../../shared/xml/stream-parser.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { ClientStream } from './client-stream.js';
import type { ClientStreamServices } from './client-stream-services.js';
import type { ClientStreams } from './client-streams.js';
import { SocketTransport } from './socket-transport.js';

export interface ClientListenerOptions {
  readonly host: string;
  /** A port, 0 for any free one. */
  readonly port: number;
  /** TLS from the first byte (XEP-0368) instead of STARTTLS. */
  readonly direct: boolean;
  /** Server options with SNICallback and default context; asked for each handshake, so certificates can be reloaded. */
  readonly tls: (domain: string | null) => TlsOptions;
  /** Calls the listener after certificates changed. */
  readonly onTlsChange: (listener: () => void) => void;
  readonly limits: XmlLimits;
  readonly bytesPerSecond: number;
  readonly handshakeMilliseconds: number;
  readonly streams: ClientStreams;
  readonly services: ClientStreamServices;
  readonly log: Logger;
}

export interface Listener {
  readonly address: AddressInfo;
  /** Stops accepting; existing connections stay. */
  stop(): Promise<void>;
}

/** Accepts clients on one port. */
export async function listenForClients(options: ClientListenerOptions): Promise<Listener> {
  const secure = options.direct
    ? createTlsServer({
        ...options.tls(null),
        ALPNProtocols: ['xmpp-client'],
        handshakeTimeout: options.handshakeMilliseconds,
      })
    : null;
  if (secure) options.onTlsChange(() => secure.setSecureContext(options.tls(null)));
  const server: Server = secure ?? createServer({ noDelay: true });
  server.on(options.direct ? 'secureConnection' : 'connection', (socket: Socket) => accept(socket, options));
  if (options.direct) server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: hostToListen(options.host), port: options.port, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) =>
    options.log.error({ code: 'c2s.listener-failed', err: error }, 'listener failed'),
  );
  return {
    address: server.address() as AddressInfo,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function accept(socket: Socket, options: ClientListenerOptions): void {
  const address = socket.remoteAddress ?? 'unknown';
  socket.on('error', () => {});
  const transport = new SocketTransport(socket, {
    limits: options.limits,
    contentNamespace: NS.client,
    domain: options.services.defaultDomain,
    bytesPerSecond: options.bytesPerSecond,
    upgrade: (plain, domain) => secureServerSocket(plain, options.tls(domain)),
    closeMilliseconds: 2000,
  });
  if (!options.streams.admit(address)) {
    options.log.warn({ code: 'c2s.too-many-connections', address }, 'too many connections from one address');
    // RFC 6120 §4.9.3.14 would also do; resource-constraint tells the client to come back later
    transport.fail('resource-constraint', 'too many connections from your address');
    return;
  }
  socket.once('close', () => options.streams.release(address));
  new ClientStream(transport, options.services);
}
