import type { Socket } from 'node:net';
import { portToListen } from '../../shared/settings/kinds.js';
import { secureServerSocket } from '../../shared/tls/server-socket.js';
import type { Core } from '../core.js';
import { listen } from '../streams/listener.js';
import { SocketTransport } from '../streams/socket-transport.js';
import type { SocketTransportOptions } from '../streams/socket-transport-options.js';
import type { Federation } from './federation.js';
import { ALPN, type FederationTls } from './tls.js';

const HANDSHAKE_SECONDS = 20;

export interface ServerListenerParts {
  readonly federation: Federation;
  readonly tls: FederationTls;
  readonly transport: Omit<SocketTransportOptions, 'upgrade'>;
}

/** Accepts other servers on both ports, as far as they are on. */
export async function listenForServers(core: Core, parts: ServerListenerParts): Promise<void> {
  const { federation, tls, transport } = parts;
  const { settings } = core;

  const mayTry = (address: string): boolean => {
    if (federation.door.mayTry(address)) return true;
    core.log.warn({ code: 's2s.too-many-attempts', address }, 'too many attempts to connect');
    return false;
  };
  /** Who has a handshake of TLS before it is a stranger already. */
  const enter = (address: string): (() => void) | null => {
    if (federation.door.hasRoom(address)) return federation.door.enter(address);
    federation.tooMany(address);
    return null;
  };
  const accept = (socket: Socket): void => {
    socket.on('error', () => {});
    federation.admit(
      new SocketTransport(socket, {
        ...transport,
        upgrade: (plain, domain) => secureServerSocket(plain, tls.serverOptions(domain)),
      }),
    );
  };
  const common = {
    host: settings.LISTEN_HOST,
    hostSetting: 'LISTEN_HOST',
    keepAlive: true,
    failed: 's2s.listener-failed',
  };

  const port = portToListen(settings.S2S_PORT);
  if (port !== null)
    await listen(core, {
      ...common,
      name: 's2s',
      port,
      setting: 'S2S_PORT',
      tls: null,
      arrived: (address) => (mayTry(address) ? () => {} : null),
      accept,
    });
  const tlsPort = portToListen(settings.S2S_TLS_PORT);
  if (tlsPort !== null)
    await listen(core, {
      ...common,
      name: 's2s-tls',
      port: tlsPort,
      setting: 'S2S_TLS_PORT',
      tls: () => ({
        ...tls.serverOptions(),
        ALPNProtocols: [ALPN],
        handshakeTimeout: Math.min(HANDSHAKE_SECONDS, settings.LIMIT_UNAUTHENTICATED_SECONDS) * 1000,
      }),
      arrived: (address) => (mayTry(address) ? enter(address) : null),
      accept: (socket, leave) => {
        leave();
        accept(socket);
      },
    });
}
