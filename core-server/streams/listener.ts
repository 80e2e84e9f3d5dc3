import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { spareDescriptors } from '../../shared/net/descriptors.js';
import { hostToListen } from '../../shared/settings/kinds.js';
import { listening } from '../../shared/settings/listening.js';
import type { Core } from '../core.js';

interface ListenerOptions {
  /** As the ready line names it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The settings that say port and address. */
  readonly setting: string;
  readonly hostSetting: string;
  readonly keepAlive: boolean;
  /** TLS from the first byte; asked again when certificates have changed. */
  readonly tls: (() => TlsOptions) | null;
  /** Code of the log line when it fails. */
  readonly failed: string;
  /** Whether a connection from there may stay: how it leaves the strangers at the door, or null. */
  readonly arrived: (address: string) => (() => void) | null;
  /** Takes over a connection, of TLS after its handshake. */
  readonly accept: (socket: Socket, leave: () => void) => void;
}

/** Opens one port for servers or components until the core stops. Rejects with UnusableSettingError. */
export async function listen(core: Core, options: ListenerOptions): Promise<void> {
  const { tls, arrived, accept } = options;
  const secure = tls === null ? null : createTlsServer(tls());
  if (secure !== null && tls !== null) core.certificates.onChange(() => secure.setSecureContext(tls()));
  const server = secure ?? createServer({ noDelay: true, keepAlive: options.keepAlive });
  // TLS hides which connection a secured one was: the peer's address and port tell
  const handshakes = new Map<string, () => void>();
  server.on('connection', (socket: Socket) => {
    const leave = arrived(socket.remoteAddress ?? 'unknown');
    if (leave === null) {
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    socket.once('close', () => {
      leave();
      // whoever has reset a connection may be back from the same port before that is seen
      if (handshakes.get(peer) === leave) handshakes.delete(peer);
    });
    if (secure === null) accept(socket, leave);
    else handshakes.set(peer, leave);
  });
  secure?.on('secureConnection', (socket: Socket) => {
    const leave = handshakes.get(peerOf(socket));
    if (leave === undefined) socket.destroy();
    else if (!socket.destroyed) accept(socket, leave);
  });
  secure?.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  spareDescriptors(server, core.log);
  const where = { host: hostToListen(options.host), port: options.port };
  await listening(server, where, options.setting, options.hostSetting);
  server.on('error', (error) => core.log.error({ code: options.failed, error }, 'listener failed'));
  const address = server.address() as AddressInfo;
  core.addresses[options.name] = `${address.address}:${address.port}`;
  core.closers.push(() => server.close());
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`;
}
