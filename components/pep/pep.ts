import type { Component } from '../../shared/component/component.js';
import type { Storage } from '../../shared/storage/storage.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import { takeApproval } from './authorization.js';
import { AvatarConversion } from './avatars/conversion.js';
import { Pep, type PepLimits } from './context.js';
import { ACCOUNT_DISCO, nodeInfo, nodeItems } from './disco.js';
import { reportMissingGrants } from './grants-report.js';
import { observePep, pepCounters } from './metrics.js';
import { MovedOwners } from './moved-owners.js';
import { Accounts } from './nodes/accounts.js';
import { openNodeStore } from './nodes/node-store.js';
import { Ownership } from './nodes/ownership.js';
import { sendLastItems } from './notify/last-items.js';
import { Notifier } from './notify/notifier.js';
import { dispatch } from './requests/dispatch.js';
import { firstNode, rosterChanged } from './roster-changes.js';
import { askCapabilities } from './server/ask-capabilities.js';
import { CapsCache } from './server/caps-cache.js';
import { openCapsStore } from './server/caps-store.js';
import { KnownContacts } from './server/known-contacts.js';
import { LastSeen } from './server/last-seen.js';
import { PresenceFeed } from './server/presence-feed.js';
import { Presences } from './server/presences.js';
import { Rosters } from './server/rosters.js';
import { Watchers } from './server/watchers.js';

/** How long a process that ends goes on notifying of what it has accepted. */
const DRAIN_MILLISECONDS = 700;

/** Personal eventing (XEP-0163) for every account of a server, by delegation and privilege. */
export async function composePep(
  component: Component,
  storage: Storage,
  limits: PepLimits,
): Promise<{ stop(): Promise<void> }> {
  const { log, metrics } = component;
  const counters = pepCounters(metrics);
  const failed = (error: unknown): void => log.error({ code: 'pep.failed', error }, 'internal error');

  // What belongs to us: nodes, items, proved capabilities; of a shared domain, some owners at a time.
  const ownership = new Ownership();
  const accounts = new Accounts(
    openNodeStore(storage),
    { maxItems: limits.itemsPerNode, maxPayloadBytes: limits.payloadBytes },
    ownership,
  );
  await accounts.open();

  // What belongs to the server: presence and rosters, learned anew with each link.
  const presences = new Presences();
  const rosters = new Rosters(component, (account) => ownership.mine(account));
  const watchers = new Watchers();
  const contacts = new KnownContacts(component, accounts, rosters, watchers, ownership);
  const caps = new CapsCache({
    ask: askCapabilities(component, watchers, contacts),
    store: openCapsStore(storage),
    log,
    queries: counters.asked,
    linked: () => component.server.connected,
  });
  const lastSeen = await LastSeen.open(storage, component, () => feed.servedUntil);
  const notifier = new Notifier({ component, rosters, presences, sent: counters.sent });
  const pep = new Pep({
    component,
    accounts,
    rosters,
    presences,
    notifier,
    limits,
    nodesCreated(owner) {
      if (!accounts.noteOwner(owner)) return;
      contacts
        .learn(owner)
        .then(() => firstNode(pep, caps, owner))
        .catch(failed);
    },
  });
  const avatars = new AvatarConversion(pep, storage);
  pep.nodeChanged = (owner, node) => avatars.nodeChanged(owner, node);
  pep.accessChanged = (owner, node) => avatars.accessChanged(owner, node);
  const feed: PresenceFeed = new PresenceFeed({
    presences,
    caps,
    async arrived(resource, interests, owners) {
      if (!component.server.domains.has(resource.domain)) await contacts.complete;
      await sendLastItems(pep, watchers, resource, interests, owners);
    },
    share: () => component.share,
    lastSeen: () => lastSeen.time,
    failed,
  });
  rosters.onPush((owner, contact, before, now) => {
    // Without its roster we cannot know what has changed.
    if (rosters.known(owner) !== undefined) {
      rosterChanged(pep, caps, owner, contact, before, now).catch(failed);
    }
  });
  observePep(metrics, {
    pep_resources_known: () => presences.size,
    pep_contacts_kept: () => rosters.size,
    pep_capabilities_kept: () => caps.size,
  });

  component.disco.identity({ category: 'component', type: 'generic', name: 'Personal eventing' });
  component.disco.nestedAccount(NS.pubsub, ACCOUNT_DISCO);
  component.disco.nestedServer(NS.pubsubOwner, {});

  for (const type of ['get', 'set'] as const) {
    component.onIq(type, NS.pubsub, 'pubsub', dispatch(pep));
    component.onIq(type, NS.pubsubOwner, 'pubsub', dispatch(pep));
  }
  component.onIq('get', NS.discoInfo, 'query', nodeInfo(pep));
  component.onIq('get', NS.discoItems, 'query', nodeItems(pep));
  // XEP-0356 §"Server Sends Roster Pushes": from the account itself.
  component.onIq('set', NS.roster, 'query', ({ from, payload }) => {
    if (!from.isBare || from.local === '' || !component.server.domains.has(from.domain)) {
      throw new StanzaError('forbidden');
    }
    rosters.push(from.bare, payload);
    return undefined;
  });
  component.onPresence((presence) => {
    feed.receive(presence);
    avatars.presence(presence);
  });
  component.onMessage(async (message) => {
    try {
      await takeApproval(pep, message);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      const reply = errorReply(message, error);
      if (reply !== null) component.send(reply);
    }
  });
  component.onUp((link) => reportMissingGrants(component, link));
  component.onDown(() => feed.reset());

  const moved = new MovedOwners({ component, ownership, accounts, contacts, rosters, avatars, feed, failed });
  component.onUp(() => feed.linked());

  return {
    async stop() {
      moved.stop();
      await Promise.race([
        feed.idle().then(() => notifier.idle()),
        new Promise((resolve) => setTimeout(resolve, DRAIN_MILLISECONDS).unref()),
      ]);
      await lastSeen.stop();
    },
  };
}
