import { randomBytes } from 'node:crypto';
import { portToListen } from '../../shared/settings/kinds.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import { Door } from '../streams/door.js';
import { strangerLimits, streamLimits } from '../streams/stream-limits.js';
import { DialbackKeys } from './dialback-key.js';
import { Federation } from './federation.js';
import { keepHouse } from './housekeeping.js';
import { FederationPolicy, parseExceptions } from './policy.js';
import { parseRoutes } from './routes.js';
import { listenForServers, type ServerListenerParts } from './server-listener.js';
import { createNameService, TargetResolver } from './targets.js';
import { FederationTls } from './tls.js';

/** A server speaks for many. */
const SERVER_WEIGHT = 4;
const CLOSE_MILLISECONDS = 2000;
/** How long other servers get to take our last words when the core stops. */
const SHUTDOWN_MILLISECONDS = 1000;

const partsOf = new WeakMap<Core, ServerListenerParts>();

/** Server-to-server streams: everything that is not for a domain of ours. */
export const s2s = defineFeature({
  name: 's2s',
  specifications: ['RFC 6120 §3, §4.7, §8.1, §10.4, §13.7'],
  xeps: [
    { id: '0220', version: '1.1.1', status: 'complete' },
    { id: '0185', version: '1.0', status: 'complete' },
    { id: '0178', version: '1.2', status: 'complete' },
    { id: '0288', version: '1.0.1', status: 'complete' },
    { id: '0368', version: '1.1.0', status: 'complete' },
  ],
  metrics: [
    { name: 's2s_sent_total', kind: 'counter', help: 'Stanzas given to streams to other servers' },
    { name: 's2s_received_total', kind: 'counter', help: 'Stanzas accepted from other servers' },
    {
      name: 's2s_failures_total',
      kind: 'counter',
      help: 'Times that another server could not be reached',
      labels: ['condition'],
    },
    { name: 's2s_streams_in', kind: 'gauge', help: 'Streams that other servers opened' },
    { name: 's2s_streams_out', kind: 'gauge', help: 'Streams that we opened to other servers' },
    { name: 's2s_waiting', kind: 'gauge', help: 'Stanzas that wait for a stream to another server' },
  ],
  setup(core) {
    const { settings, log, metrics, router } = core;
    const transport = {
      limits: strangerLimits(settings),
      notReading: (address: string) =>
        log.warn({ code: 's2s.not-reading', address }, 'another server does not read what it is sent'),
      contentNamespace: NS.server,
      bytesPerSecond: settings.LIMIT_BYTES_PER_SECOND_SERVER,
      closeMilliseconds: CLOSE_MILLISECONDS,
      readsWhileClosing: true,
    };
    const tls = new FederationTls(core.certificates, settings.S2S_CA);
    const federation = new Federation({
      router,
      log,
      policy: new FederationPolicy(
        settings.S2S_POLICY,
        parseExceptions(settings.S2S_POLICY_EXCEPTIONS),
        settings.S2S_REQUIRE_TLS,
      ),
      keys: new DialbackKeys(settings.S2S_DIALBACK_SECRET ?? randomBytes(32).toString('hex')),
      resolver: new TargetResolver(
        createNameService(settings.S2S_DNS_SERVERS),
        parseRoutes(settings.S2S_ROUTES),
      ),
      tls,
      limits: {
        stanzas: settings.S2S_QUEUE_STANZAS,
        size: settings.S2S_QUEUE_BYTES,
        milliseconds: settings.S2S_QUEUE_SECONDS * 1000,
      },
      transport,
      stanzaLimits: {
        ...streamLimits(settings, settings.LIMIT_STANZA_BYTES_SERVER, settings.LIMIT_OUTBOUND_BYTES_SERVER),
        weight: SERVER_WEIGHT,
      },
      perAddress: settings.LIMIT_CONNECTIONS_PER_ADDRESS,
      door: new Door({
        perAddress: settings.LIMIT_UNAUTHENTICATED_PER_ADDRESS,
        total: settings.LIMIT_UNAUTHENTICATED,
        attemptsPerMinute: settings.LIMIT_ATTEMPTS_PER_MINUTE,
      }),
      connectMilliseconds: settings.S2S_CONNECT_SECONDS * 1000,
      sent: metrics.counter('s2s_sent_total', 'Stanzas given to streams to other servers'),
      received: metrics.counter('s2s_received_total', 'Stanzas accepted from other servers'),
      failures: metrics.counter('s2s_failures_total', 'Times that another server could not be reached', [
        'condition',
      ]),
      remoteLost: (domain) => core.hooks.remoteLost.emit(domain),
    });
    core.hooks.reloaded.on(() => tls.reload());
    partsOf.set(core, { federation, tls, transport });
    metrics.observedGauge(
      's2s_streams_in',
      'Streams that other servers opened',
      () => federation.incoming.size,
    );
    metrics.observedGauge(
      's2s_streams_out',
      'Streams that we opened to other servers',
      () => federation.outgoing.size,
    );
    metrics.observedGauge(
      's2s_waiting',
      'Stanzas that wait for a stream to another server',
      () => federation.waiting,
    );
    core.peers = () => federation.peers();
    core.status.set('s2s', () => ({
      in: [...federation.incoming].map((stream) => ({
        remotes: stream.remotes,
        tls: stream.transport.secure,
      })),
      out: [...federation.outgoing].map((stream) => ({
        remote: stream.remote,
        tls: stream.transport.secure,
      })),
      waiting: federation.waiting,
    }));
    // with both ports off there is no federation: nobody could dial back, nor answer
    const on = portToListen(settings.S2S_PORT) !== null || portToListen(settings.S2S_TLS_PORT) !== null;
    if (on) router.setRemote(federation);
  },
  async start(core) {
    const parts = partsOf.get(core);
    if (parts === undefined) return;
    const { settings } = core;
    core.closers.push(
      keepHouse(parts.federation, {
        idleMilliseconds: settings.S2S_IDLE_SECONDS * 1000,
        unauthenticatedMilliseconds: settings.LIMIT_UNAUTHENTICATED_SECONDS * 1000,
        stanzaMilliseconds: settings.LIMIT_STANZA_SECONDS * 1000,
      }),
    );
    await listenForServers(core, parts);
  },
  async stop(core) {
    const federation = partsOf.get(core)?.federation;
    if (federation === undefined) return;
    federation.stopping = true;
    const streams = [...federation.outgoing, ...federation.incoming];
    const words = streams.map(
      ({ transport }) => new Promise<void>((resolve) => transport.afterFlush(resolve)),
    );
    for (const stream of streams) stream.fail('system-shutdown');
    // a lost transport never calls back
    const late = new Promise<void>((resolve) => setTimeout(resolve, SHUTDOWN_MILLISECONDS).unref());
    await Promise.race([Promise.all(words), late]);
  },
});
