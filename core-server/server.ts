import type { ProcessContext, RunningProcess } from '../shared/cli/process.js';
import { openWatchedStorage } from '../shared/storage/health.js';
import { ServerCertificates } from '../shared/tls/server-certificates.js';
import { type Domain, type Jid, jid, parseJid } from '../shared/xmpp/jid.js';
import { followAccounts } from './account-changes.js';
import { openAccounts } from './accounts/open-accounts.js';
import { Admins } from './administration/admins.js';
import type { AdministrationServices } from './administration/services.js';
import { CommandRegistry } from './commands/command-registry.js';
import { ComponentRegistry } from './component-link/component-registry.js';
import { registerControlCommands } from './control-commands.js';
import type { Core } from './core.js';
import { DiscoRegistry } from './disco/disco-registry.js';
import { features } from './features.js';
import { IqRegistry } from './iq/iq-registry.js';
import { LocalRequests } from './iq/local-requests.js';
import { MessageDelivery } from './messages/message-delivery.js';
import { Presence } from './presence/presence.js';
import { Probes } from './presence/probes.js';
import { Subscriptions } from './presence/subscriptions.js';
import { rulesAreEmpty } from './privacy/enforcement.js';
import { PrivacyGate } from './privacy/privacy-gate.js';
import { AccountRates } from './rates/account-rates.js';
import { AddressRules } from './rates/address-rules.js';
import { LoginRates } from './rates/login-rates.js';
import { RecipientRates } from './rates/recipient-rates.js';
import { AccountRemoval } from './registration/account-removal.js';
import { RosterEditor } from './roster/roster-editor.js';
import { RosterService } from './roster/roster-service.js';
import { createHooks } from './routing/hooks.js';
import { LocalDomain } from './routing/local-domain.js';
import { localOrigin } from './routing/origin.js';
import { Router } from './routing/router.js';
import { RoutingMetrics } from './routing/routing-metrics.js';
import { ClientInbound } from './sessions/client-inbound.js';
import { LocalSessionDirectory } from './sessions/session-directory.js';
import { SessionService } from './sessions/session-service.js';
import type { ManagedSessions } from './sessions/stream-management/stream-management.js';
import type { coreSettings } from './settings.js';
import { corePicture } from './status-picture.js';
import { openClientPorts } from './streams/client-ports.js';
import type { ClientStreamServices } from './streams/client-stream-services.js';
import { ClientStreams } from './streams/client-streams.js';
import { Door } from './streams/door.js';
import { StreamFeatures } from './streams/stream-feature.js';
import { streamLimits } from './streams/stream-limits.js';

type Definition = (typeof coreSettings)['entries'];

/** How long clients get to answer our closing tags when the core stops. */
const SHUTDOWN_MILLISECONDS = 2000;

/** Composes the core: services, then features, then listeners. Read it as the table of contents. */
export async function startCore(context: ProcessContext<Definition>): Promise<RunningProcess<Definition>> {
  const { settings, log, metrics } = context;
  const domains = settings.XMPP_DOMAINS as unknown as readonly Domain[];
  const admins = new Admins(settings.ADMINS.flatMap((text) => parseJid(text)?.bare ?? []));

  // what is kept
  const storage = await openWatchedStorage(settings.STORAGE_URL, {
    process: 'core',
    log,
    changed: (problem) =>
      context.setReadiness(problem === null ? { ready: true } : { ready: false, reason: problem }),
  });
  const hooks = createHooks();
  const accounts = await openAccounts(storage, settings, log);
  const certificates = await ServerCertificates.open({
    settings,
    domains,
    dataFolder: settings.DATA_DIR,
    log,
    metrics,
  });

  // stanza → destination
  const routing = new RoutingMetrics(metrics);
  const router = new Router(log, routing);
  const requests = new LocalRequests((stanza) => router.route(stanza, localOrigin));
  const iq = new IqRegistry({ reply: (answer) => router.reply(answer), log });
  const messages = new MessageDelivery(router, hooks);
  const directory = new LocalSessionDirectory({
    exists: (account) => {
      const known = accounts.existsSync(account.bare);
      return known === 'async' ? accounts.exists(account.bare) : known;
    },
    idleLimit: settings.LIMIT_IDLE_ACCOUNTS,
    log,
  });

  // roster and presence
  const roster = new RosterService(storage, hooks, log);
  const hosts = (domain: string) => domains.includes(domain as Domain);
  const probes = new Probes({ router, directory, hosts });
  const presence: Presence = new Presence({ router, hooks, subscriptions: () => subscriptions, probes });
  const subscriptions = new Subscriptions({
    router,
    roster,
    teller: presence,
    log,
    rosterLimit: settings.LIMIT_ROSTER_ITEMS,
  });

  // sessions and their streams
  const sessions = new SessionService({
    directory,
    router,
    hooks,
    presence,
    log,
    conflict: settings.RESOURCE_CONFLICT,
    sessionsPerAccount: settings.LIMIT_SESSIONS_PER_ACCOUNT,
    outboundLimit: settings.LIMIT_OUTBOUND_BYTES,
  });
  const streamFeatures = new StreamFeatures();
  const rules = new AddressRules(settings);
  const streams = new ClientStreams({
    log,
    unauthenticatedMilliseconds: settings.LIMIT_UNAUTHENTICATED_SECONDS * 1000,
    idleMilliseconds: settings.LIMIT_IDLE_SECONDS * 1000,
    perAddress: settings.LIMIT_CONNECTIONS_PER_ADDRESS,
    rules,
    stanzaMilliseconds: settings.LIMIT_STANZA_SECONDS * 1000,
    door: new Door({
      perAddress: settings.LIMIT_UNAUTHENTICATED_PER_ADDRESS,
      total: settings.LIMIT_UNAUTHENTICATED,
      attemptsPerMinute: settings.LIMIT_ATTEMPTS_PER_MINUTE,
    }),
    total: metrics.counter('c2s_streams_total', 'Client streams opened'),
  });
  metrics.observedGauge('c2s_streams', 'Client streams open', () => streams.all.size);
  metrics.observedGauge('sessions', 'Sessions, with a stream or waiting for one', () => sessions.count);

  const core: Core = {
    settings,
    log,
    metrics,
    storage,
    certificates,
    domains,
    accounts,
    accountRemoval: new AccountRemoval(() => core),
    directory,
    sessions,
    router,
    hooks,
    iq,
    requests,
    disco: new DiscoRegistry(),
    commands: new CommandRegistry(),
    admins,
    messages,
    presence,
    roster,
    rosterEditor: new RosterEditor(roster, presence, {
      items: settings.LIMIT_ROSTER_ITEMS,
      weight: settings.LIMIT_ROSTER_BYTES,
    }),
    components: new ComponentRegistry(),
    privacyGate: new PrivacyGate({
      needed: settings.COMPONENT.get('privacy')?.SECRET !== undefined && (await rulesAreEmpty(storage)),
      timeoutMilliseconds: settings.PRIVACY_SYNC_TIMEOUT * 1000,
      whenLate: settings.PRIVACY_FAIL,
      log,
    }),
    streamFeatures,
    streams,
    loginRates: new LoginRates({
      perAddress: settings.LOGIN_FAILURES_PER_ADDRESS,
      perAccount: settings.LOGIN_FAILURES_PER_ACCOUNT,
      rules,
      metrics,
      log,
    }),
    hosts,
    isAdmin: (who: Jid) => admins.has(who.bare),
    addresses: {},
    closers: [],
    control: context.control,
    pages: context.pages,
    clientServices: null,
    peers: null,
    // set by their features' setup, before anybody can use them
    administration: undefined as unknown as AdministrationServices,
    streamManagement: undefined as unknown as ManagedSessions,
    clientState: { set() {} },
    status: new Map(),
  };
  for (const domain of domains) {
    router.add(
      domain,
      new LocalDomain(domain, {
        router,
        directory,
        iq,
        requests,
        messages,
        presence,
        log,
        refuseStrangers: settings.IQ_TO_STRANGERS === 'refuse',
      }),
    );
  }

  // every capability
  for (const feature of features) feature.setup(core);
  followAccounts(core);
  registerControlCommands(core, context.control);
  await core.accountRemoval.resumePending();
  for (const feature of features) await feature.start?.(core);

  // the doors for clients, last
  const inbound = new ClientInbound({ router, hooks, presence });
  const exempt = new Set(settings.LIMIT_EXEMPT_ACCOUNTS.map((account) => parseJid(account)?.bare ?? account));
  const recipients = RecipientRates.of(settings.LIMIT_RECIPIENTS_PER_MINUTE, exempt, log);
  if (recipients !== null)
    hooks.clientInbound.add(5, (session, stanza) => recipients.refused(session, stanza));
  const rates = AccountRates.of({
    stanzasPerSecond: settings.LIMIT_ACCOUNT_STANZAS_PER_SECOND,
    bytesPerSecond: settings.LIMIT_ACCOUNT_BYTES_PER_SECOND,
    exempt,
    metrics,
    log,
  });
  const services: ClientStreamServices = {
    log,
    features: streamFeatures,
    defaultDomain: jid(domains[0] ?? 'localhost').domain,
    limitsAfterAuthentication: streamLimits(
      settings,
      settings.LIMIT_STANZA_BYTES,
      settings.LIMIT_OUTBOUND_BYTES,
    ),
    hosts,
    receive: (session, stanza) => {
      rates?.took(session, stanza);
      inbound.receive(session, stanza);
    },
    opened: (stream) => streams.opened(stream),
    authenticated: (stream) => streams.authenticated(stream),
    closed: (stream, session, end) => {
      streams.closed(stream);
      if (session !== null && session.stream === stream)
        hooks.streamLost.run(session, end) || sessions.end(session);
    },
  };
  core.clientServices = services;
  const listeners = await openClientPorts(core, services);

  return {
    addresses: core.addresses,
    async drain() {
      for (const listener of listeners) void listener.stop();
      for (const close of core.closers) close();
      await streams.shutdown(SHUTDOWN_MILLISECONDS);
      sessions.endEvery();
      for (const feature of [...features].reverse()) await feature.stop?.(core);
      await storage.close();
    },
    async reload(changed) {
      rules.reload(changed);
      streams.expel();
      await certificates.reload();
      hooks.reloaded.emit();
    },
    picture: () => corePicture(core, () => routing.routed),
    status: () => ({
      sessions: sessions.count,
      streams: streams.all.size,
      ...Object.fromEntries([...core.status].map(([name, read]) => [name, read()])),
    }),
  };
}
