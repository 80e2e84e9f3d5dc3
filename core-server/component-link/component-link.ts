import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { spareDescriptors } from '../../shared/net/descriptors.js';
import { hostToListen, portToListen } from '../../shared/settings/kinds.js';
import { listening } from '../../shared/settings/listening.js';
import { xml } from '../../shared/xml/element.js';
import type { Domain } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import { componentOrigin } from '../routing/origin.js';
import { Door, unreadByStrangers } from '../streams/door.js';
import { SocketTransport } from '../streams/socket-transport.js';
import { ComponentDomain } from './component-domain.js';
import type { ComponentRegistry } from './component-registry.js';
import { ComponentStream, type ComponentStreamOwner } from './component-stream.js';
import { Delegation } from './delegation.js';
import { parseGrants, STANDARD_GRANTS } from './grants.js';
import { LoopWatch } from './loop-watch.js';
import { MULTICAST_ADDRESSES, setUpMulticast } from './multicast.js';
import { NestedDisco } from './nested-disco.js';
import { PresenceFeed } from './presence-feed.js';
import { Privilege } from './privilege.js';

const HANDSHAKE_SECONDS = 10;
/** A component speaks for many. */
const COMPONENT_WEIGHT = 8;
const ROUND_TRIP_BUCKETS = [
  0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** The component port and what components may do for the server (XEP-0114, 0355, 0356, multicast by 0033). */
export const componentLink = defineFeature({
  name: 'components',
  xeps: [
    { id: '0114', version: '1.6', status: 'complete', note: 'accept' },
    { id: '0355', version: '0.5', status: 'partial', note: 'admin mode; also namespace :1' },
    { id: '0356', version: '0.4.1', status: 'complete', note: 'also namespace :1' },
    { id: '0033', version: '1.2.1', status: 'partial', note: 'bcc fan-out for granted components' },
  ],
  setup(core) {
    const registry = core.components;
    const roundTrips = core.metrics.histogram(
      'component_roundtrip_seconds',
      'Time until a component answered a delegated request or a ping',
      ROUND_TRIP_BUCKETS,
      ['component'],
    );
    for (const [label, options] of core.settings.COMPONENT) {
      const grants = parseGrants(options.GRANTS ?? STANDARD_GRANTS[label] ?? '');
      if (typeof grants === 'string') throw new Error(`COMPONENT_${label.toUpperCase()}_GRANTS: ${grants}`);
      // one process decides the order in which an account's rules follow each other
      if (options.CONFLICT === 'share' && grants.privacyEnforcement) {
        throw new Error(`COMPONENT_${label.toUpperCase()}_CONFLICT: privacy enforcement cannot be shared`);
      }
      const name = options.DOMAIN as unknown as Domain;
      const domain = new ComponentDomain({
        name,
        label,
        secret: options.SECRET ?? null,
        grants,
        conflict: options.CONFLICT,
        generation: options.NAMESPACE_VERSION === '1' ? 1 : 2,
        graceSeconds: core.settings.COMPONENT_GRACE_SECONDS,
        server: core.domains[0] ?? '',
        router: core.router,
        log: core.log,
        up: (which, stream) => {
          const send = (text: string) => stream.send(text);
          delegation.advertise(which, send);
          privilege.advertise(which, send);
          registry.up(which, stream);
          core.hooks.componentUp.emit(which.name);
        },
        roundTrip: (which, seconds) => roundTrips.observe(seconds, { component: which.label }),
        streamLost: (which, stream) => registry.streamLost(which, stream),
        down: (which, comesBack) => core.hooks.componentDown.emit(which.name, comesBack),
        gone: (which) => registry.gone(which),
      });
      registry.domains.set(name, domain);
      core.router.add(name, domain);
    }
    const delegation = new Delegation(core, registry);
    const privilege = new Privilege(core, registry);
    new NestedDisco(core, registry);
    new PresenceFeed(core, registry);
    setUpMulticast(core, registry);
    core.disco.feature('server', NS.delegation2, NS.privilege2);
    core.disco.contribute((scope, query, info) => {
      const asker = registry.domains.get(query.from.domain);
      if (scope !== 'server' || asker?.grants.multicast !== true) return;
      info.features.push(NS.address, NS.addressLists);
      info.forms.push(multicastForm());
    });
    core.disco.items((scope) =>
      scope === 'server'
        ? [...registry.domains.values()]
            .filter((domain) => domain.connected)
            .map((domain) => ({ jid: domain.name }))
        : [],
    );
    registry.answers = (stanza, domain) => domain.settlePing(stanza) || delegation.settle(stanza, domain);
    core.metrics.observedGauge(
      'components_connected',
      'Component domains with at least one stream',
      () => [...registry.domains.values()].filter((domain) => domain.connected).length,
    );
    core.status.set('components', () =>
      [...registry.domains.values()].map((domain) => ({
        name: domain.label,
        domain: domain.name,
        connected: domain.connected,
        streams: domain.streams.length,
        since: domain.since?.toISOString() ?? null,
        delegations: domain.grants.delegations.map((grant) => grant.namespace),
        sent: domain.sent,
        received: domain.received,
        held: domain.held,
        dropped: domain.dropped,
      })),
    );
  },
  async start(core) {
    const keepalive = setInterval(() => {
      for (const domain of core.components.domains.values()) domain.keepalive();
    }, core.settings.COMPONENT_KEEPALIVE_SECONDS * 1000);
    keepalive.unref();
    core.components.loops = new LoopWatch(core.log);
    core.closers.push(core.components.loops.start());
    await listen(
      core,
      'component',
      core.settings.COMPONENT_PLAIN_HOST,
      portToListen(core.settings.COMPONENT_PORT),
      false,
    );
    await listen(
      core,
      'component-tls',
      core.settings.LISTEN_HOST,
      portToListen(core.settings.COMPONENT_TLS_PORT),
      true,
    );
  },
  async stop(core) {
    for (const domain of core.components.domains.values()) {
      for (const stream of domain.streams) stream.fail('system-shutdown');
    }
  },
});

/** Accepts components on one port; `tls` with client certificates where COMPONENT_CA asks for them. */
async function listen(
  core: Core,
  name: string,
  host: string,
  port: number | null,
  tls: boolean,
): Promise<void> {
  if (port === null) return;
  const options = () =>
    core.certificates.serverOptions({
      requestCert: core.settings.COMPONENT_CA !== undefined,
      rejectUnauthorized: core.settings.COMPONENT_CA !== undefined,
      ca: core.settings.COMPONENT_CA,
    });
  const door = new Door({
    perAddress: core.settings.LIMIT_UNAUTHENTICATED_PER_ADDRESS,
    total: core.settings.LIMIT_UNAUTHENTICATED,
  });
  // TLS hides which connection a secured one was: the peer's address and port tell
  const leaving = new Map<string, () => void>();
  const secure = tls
    ? createTlsServer({ ...options(), handshakeTimeout: handshakeMilliseconds(core) })
    : null;
  if (secure) core.certificates.onChange(() => secure.setSecureContext(options()));
  const server = secure ?? createServer({ noDelay: true });
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? 'unknown';
    if (!door.hasRoom(address)) {
      core.log.warn(
        { code: 'component.too-many-connections', address },
        'too many connections that are no components yet',
      );
      socket.destroy();
      return;
    }
    const leave = door.enter(address);
    leaving.set(peerOf(socket), leave);
    socket.once('close', () => {
      leave();
      leaving.delete(peerOf(socket));
    });
  });
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    if (!socket.destroyed) accept(core, socket, leaving.get(peerOf(socket)));
  });
  spareDescriptors(server, core.log);
  if (tls) server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  await listening(
    server,
    { host: hostToListen(host), port },
    tls ? 'COMPONENT_TLS_PORT' : 'COMPONENT_PORT',
    tls ? 'LISTEN_HOST' : 'COMPONENT_PLAIN_HOST',
  );
  server.on('error', (error) =>
    core.log.error({ code: 'component.listener-failed', error }, 'listener failed'),
  );
  const address = server.address() as AddressInfo;
  core.addresses[name] = `${address.address}:${address.port}`;
  core.closers.push(() => server.close());
}

/** A component knows its secret: it needs less time than a client, whose user may have to be asked. */
function handshakeMilliseconds({ settings }: Core): number {
  return Math.min(HANDSHAKE_SECONDS, settings.LIMIT_UNAUTHENTICATED_SECONDS) * 1000;
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`;
}

/** `leave`: how it leaves the strangers at the door. */
function accept(core: Core, socket: Socket, leave: (() => void) | undefined): void {
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
      leave?.();
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

/** Our limit, as XEP-0128 says such things. */
function multicastForm() {
  return xml(
    'x',
    { xmlns: NS.dataForms, type: 'result' },
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, xml('value', {}, NS.address)),
    xml('field', { var: 'bcc' }, xml('value', {}, String(MULTICAST_ADDRESSES))),
  );
}
