import { AddressList } from '../../shared/net/address-list.js';
import { portToListen } from '../../shared/settings/kinds.js';
import type { Core } from '../core.js';
import { type Listener, listenForClients } from './client-listener.js';
import type { ClientStreamServices } from './client-stream-services.js';
import { strangerLimits } from './stream-limits.js';

/** Opens the ports for clients, as far as they are on. */
export async function openClientPorts(core: Core, services: ClientStreamServices): Promise<Listener[]> {
  const { settings, certificates, streams, log } = core;
  const listeners: Listener[] = [];
  for (const [name, port, direct] of [
    ['c2s', portToListen(settings.C2S_PORT), false],
    ['c2s-tls', portToListen(settings.C2S_TLS_PORT), true],
  ] as const) {
    if (port === null) continue;
    const listener = await listenForClients({
      host: settings.LISTEN_HOST,
      port,
      direct,
      tls: (domain) =>
        certificates.serverOptions({
          domain,
          requestCert: settings.C2S_CLIENT_CERTIFICATES,
          ca: settings.C2S_CLIENT_CA,
        }),
      limits: strangerLimits(settings),
      bytesPerSecond: settings.LIMIT_BYTES_PER_SECOND,
      handshakeMilliseconds: settings.LIMIT_UNAUTHENTICATED_SECONDS * 1000,
      proxies: new AddressList(settings.C2S_PROXIES),
      streams,
      services,
      log,
    });
    listeners.push(listener);
    core.addresses[name] = `${listener.address.address}:${listener.address.port}`;
  }
  return listeners;
}
