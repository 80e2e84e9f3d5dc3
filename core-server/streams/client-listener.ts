import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { AddressList } from '../../shared/net/address-list.js';
import { spareDescriptors } from '../../shared/net/descriptors.js';
import type { Logger } from '../../shared/observability/types.js';
import { hostToListen } from '../../shared/settings/kinds.js';
import { listening } from '../../shared/settings/listening.js';
import { secureServerSocket } from '../../shared/tls/server-socket.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { ClientStream } from './client-stream.js';
import type { ClientStreamServices } from './client-stream-services.js';
import type { ClientStreams } from './client-streams.js';
import { readProxyHeader } from './proxy-header.js';
import { SocketTransport } from './socket-transport.js';
import type { StreamLimits } from './transport.js';

interface ClientListenerOptions {
  readonly host: string;
  /** A port, 0 for any free one. */
  readonly port: number;
  /** TLS from the first byte (XEP-0368) instead of STARTTLS. */
  readonly direct: boolean;
  /** Server options with SNICallback and default context; asked for each handshake, so certificates can be reloaded. */
  readonly tls: (domain: string | null) => TlsOptions;
  readonly limits: StreamLimits;
  readonly bytesPerSecond: number;
  readonly handshakeMilliseconds: number;
  /** Who begins connections with a PROXY header, which is believed; nobody else may. */
  readonly proxies: AddressList;
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
  const server: Server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) =>
    clientAddress(socket, options, (address) => {
      if (!options.streams.welcome(address) || !options.streams.mayTry(address)) {
        socket.destroy();
        return;
      }
      accept(socket, address, options);
      socket.resume();
    }),
  );
  spareDescriptors(server, options.log);
  await listening(
    server,
    { host: hostToListen(options.host), port: options.port, backlog: 1024 },
    options.direct ? 'C2S_TLS_PORT' : 'C2S_PORT',
  );
  server.on('error', (error) => options.log.error({ code: 'c2s.listener-failed', error }, 'listener failed'));
  return {
    address: server.address() as AddressInfo,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Calls `found` with the client's address: the socket's, or what a trusted proxy says before anything else. */
function clientAddress(
  socket: Socket,
  options: ClientListenerOptions,
  found: (address: string) => void,
): void {
  const peer = socket.remoteAddress ?? 'unknown';
  if (!options.proxies.has(peer)) return found(peer);
  socket.on('error', () => {});
  const timer = setTimeout(() => socket.destroy(), options.handshakeMilliseconds);
  let read: Buffer = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk]);
    const header = readProxyHeader(read);
    if (header.kind === 'incomplete') return;
    clearTimeout(timer);
    socket.off('data', take);
    socket.pause();
    if (header.kind === 'wrong') {
      options.log.warn(
        { code: 'c2s.no-proxy-header', address: peer },
        'a proxy does not say for whom it speaks',
      );
      socket.destroy();
      return;
    }
    socket.unshift(read.subarray(header.length));
    found(header.address ?? peer);
  };
  socket.on('data', take);
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
}

function accept(socket: Socket, address: string, options: ClientListenerOptions): void {
  const { direct, log } = options;
  socket.on('error', () => {});
  const transport = new SocketTransport(socket, {
    limits: options.limits,
    contentNamespace: NS.client,
    domain: options.services.defaultDomain,
    bytesPerSecond: options.bytesPerSecond,
    remoteAddress: address,
    upgrade: (plain, domain) =>
      secureServerSocket(
        plain,
        direct ? { ...options.tls(domain), ALPNProtocols: ['xmpp-client'] } : options.tls(domain),
      ),
    notReading: (peer) =>
      log.warn({ code: 'c2s.not-reading', address: peer }, 'a client does not read what it is sent'),
    closeMilliseconds: 2000,
  });
  if (!options.streams.admit(address)) {
    log.warn({ code: 'c2s.too-many-connections', address }, 'too many connections from one address');
    // RFC 6120 §4.9.3.14 would also do; resource-constraint tells the client to come back later
    if (direct) transport.destroy();
    else transport.fail('resource-constraint', 'too many connections from your address');
    return;
  }
  socket.once('close', () => options.streams.release(address));
  if (direct) transport.startTls('');
  new ClientStream(transport, options.services);
}
