import type { Socket } from 'node:net';
import { portToListen } from '../../shared/settings/kinds.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Core } from '../core.js';
import { componentOrigin } from '../routing/origin.js';
import { Door, unreadByStrangers } from '../streams/door.js';
import { listen } from '../streams/listener.js';
import { SocketTransport } from '../streams/socket-transport.js';
import type { ComponentRegistry } from './component-registry.js';
import { ComponentStream, type ComponentStreamOwner } from './component-stream.js';

const HANDSHAKE_SECONDS = 10;
/** A component speaks for many. */
const COMPONENT_WEIGHT = 8;

/** Accepts components on both ports, as far as they are on; with client certificates where COMPONENT_CA asks for them. */
export async function listenForComponents(core: Core): Promise<void> {
  const { settings } = core;
  const accept = (socket: Socket, leave: () => void): void => acceptComponent(core, socket, leave);
  const common = { keepAlive: false, failed: 'component.listener-failed', accept };

  const port = portToListen(settings.COMPONENT_PORT);
  if (port !== null)
    await listen(core, {
      ...common,
      name: 'component',
      host: settings.COMPONENT_PLAIN_HOST,
      port,
      setting: 'COMPONENT_PORT',
      hostSetting: 'COMPONENT_PLAIN_HOST',
      tls: null,
      arrived: arrivals(core),
    });
  const tlsPort = portToListen(settings.COMPONENT_TLS_PORT);
  if (tlsPort !== null)
    await listen(core, {
      ...common,
      name: 'component-tls',
      host: settings.LISTEN_HOST,
      port: tlsPort,
      setting: 'COMPONENT_TLS_PORT',
      hostSetting: 'LISTEN_HOST',
      tls: () => ({
        ...core.certificates.serverOptions({
          requestCert: settings.COMPONENT_CA !== undefined,
          rejectUnauthorized: settings.COMPONENT_CA !== undefined,
          ca: settings.COMPONENT_CA,
        }),
        handshakeTimeout: handshakeMilliseconds(core),
      }),
      arrived: arrivals(core),
    });
}

/** The door of one port. */
function arrivals(core: Core): (address: string) => (() => void) | null {
  const door = new Door({
    perAddress: core.settings.LIMIT_UNAUTHENTICATED_PER_ADDRESS,
    total: core.settings.LIMIT_UNAUTHENTICATED,
  });
  return (address) => {
    if (door.hasRoom(address)) return door.enter(address);
    core.log.warn(
      { code: 'component.too-many-connections', address },
      'too many connections that are no components yet',
    );
    return null;
  };
}

/** A component knows its secret: it needs less time than a client, whose user may have to be asked. */
function handshakeMilliseconds({ settings }: Core): number {
  return Math.min(HANDSHAKE_SECONDS, settings.LIMIT_UNAUTHENTICATED_SECONDS) * 1000;
}

/** `leave`: how it leaves the strangers at the door. */
function acceptComponent(core: Core, socket: Socket, leave: () => void): void {
  socket.on('error', () => {});
  const { settings } = core;
  const limits = (stanzaBytes: number, outboundBytes: number) => ({
    stanzaBytes,
    outboundBytes,
    depth: settings.LIMIT_XML_DEPTH + 8,
    attributes: settings.LIMIT_XML_ATTRIBUTES,
  });
  const strangers = settings.LIMIT_STANZA_BYTES_UNAUTHENTICATED;
  const transport = new SocketTransport(socket, {
    limits: limits(strangers, unreadByStrangers(strangers)),
    contentNamespace: NS.component,
    bytesPerSecond: 0,
    notReading: (address) =>
      core.log.warn({ code: 'component.not-reading', address }, 'a component does not read what it is sent'),
    upgrade: null,
    closeMilliseconds: 2000,
  });
  const stream = new ComponentStream(transport, {
    ...ownerOf(core, core.components),
    authenticated() {
      leave();
      transport.setLimits({
        ...limits(settings.LIMIT_STANZA_BYTES_COMPONENT, settings.LIMIT_OUTBOUND_BYTES_COMPONENT),
        weight: COMPONENT_WEIGHT,
      });
    },
  });
  const timer = setTimeout(() => {
    if (stream.domain === null) stream.fail('connection-timeout');
  }, handshakeMilliseconds(core));
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

function ownerOf(core: Core, registry: ComponentRegistry): Omit<ComponentStreamOwner, 'authenticated'> {
  return {
    log: core.log,
    find: (domain) => registry.domains.get(domain),
    receive(stanza, stream) {
      const domain = stream.domain;
      if (domain === null) return;
      domain.received++;
      if (stanza.name === 'iq' && (stanza.type === 'result' || stanza.type === 'error')) {
        if (registry.answers(stanza, domain)) return;
      }
      domain.asks(stanza, stream);
      if (registry.take(stanza, domain, stream)) return;
      const to = stanza.toJid?.domain;
      if (to !== undefined && registry.domains.has(to)) registry.loops?.passed(domain.name, to);
      core.router.route(stanza, componentOrigin);
    },
    closed() {},
  };
}
