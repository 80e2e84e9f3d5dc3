import { xml } from '../../shared/xml/element.js';
import type { Domain } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { defineFeature } from '../feature.js';
import { ComponentDomain } from './component-domain.js';
import { listenForComponents } from './component-listener.js';
import { Delegation } from './delegation.js';
import { parseGrants, STANDARD_GRANTS } from './grants.js';
import { LoopWatch } from './loop-watch.js';
import { MULTICAST_ADDRESSES, setUpMulticast } from './multicast.js';
import { NestedDisco } from './nested-disco.js';
import { PresenceFeed } from './presence-feed.js';
import { Privilege } from './privilege.js';

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
    registry.answers = (stanza, domain) => domain.pings.settle(stanza) || delegation.settle(stanza, domain);
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
      for (const domain of core.components.domains.values()) domain.pings.keepalive();
    }, core.settings.COMPONENT_KEEPALIVE_SECONDS * 1000);
    keepalive.unref();
    core.components.loops = new LoopWatch(core.log);
    core.closers.push(core.components.loops.start());
    await listenForComponents(core);
  },
  async stop(core) {
    for (const domain of core.components.domains.values()) {
      for (const stream of domain.streams) stream.fail('system-shutdown');
    }
  },
});

/** Our limit, as XEP-0128 says such things. */
function multicastForm() {
  return xml(
    'x',
    { xmlns: NS.dataForms, type: 'result' },
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, xml('value', {}, NS.address)),
    xml('field', { var: 'bcc' }, xml('value', {}, String(MULTICAST_ADDRESSES))),
  );
}
