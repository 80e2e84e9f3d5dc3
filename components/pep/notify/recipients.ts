import { type Jid, parseJid } from '../../../shared/xmpp/jid.js';
import { refusalOf } from '../access.js';
import type { PepNode } from '../nodes/node.js';
import type { CapsEntry } from '../server/caps-cache.js';
import type { Presences } from '../server/presences.js';
import type { Roster } from '../server/rosters.js';

/** Whom one notification goes to. */
export interface Recipient {
  /** Full JID where the recipient's presence is known, else as it subscribed. */
  readonly to: string;
  /** Whether it receives the owner's presence: only then it is told the publishing resource (XEP-0163 §4.3.1). */
  readonly sharesPresence: boolean;
}

/** Who is to be told of an event at a node: each address once (XEP-0163 §4, XEP-0060 §9). */
export function* recipientsOf(
  owner: string,
  node: PepNode,
  roster: Roster,
  presences: Presences,
): Generator<Recipient> {
  const told = new Set<string>();
  const interested = function* (bare: string): Generator<string> {
    for (const [resource, caps] of presences.of(bare) ?? []) {
      if (caps !== null && wants(caps, node)) yield `${bare}/${resource}`;
    }
  };
  const once = (to: string): boolean => !told.has(to) && told.add(to).has(to);

  // The owner's own resources (XEP-0163 §4, rule 3).
  for (const to of interested(owner)) if (once(to)) yield { to, sharesPresence: true };

  // Everyone who receives the owner's presence is subscribed (§4.1), unless the access model is narrower.
  for (const [bare, contact] of roster) {
    if (!contact.subscriber || bare === owner || presences.of(bare) === undefined) continue;
    const entity = parseJid(bare);
    if (entity === null || refusalOf(owner, node, entity, contact) !== null) continue;
    for (const to of interested(bare)) if (once(to)) yield { to, sharesPresence: true };
  }

  for (const subscription of node.subscriptions) {
    if (subscription.state !== 'subscribed') continue;
    const subscriber = parseJid(subscription.jid);
    if (subscriber === null) continue;
    const contact = roster.get(subscriber.bare);
    if (refusalOf(owner, node, subscriber, contact) !== null) continue;
    const sharesPresence = subscriber.bare === owner || contact?.subscriber === true;
    for (const to of addressesOf(subscriber, node, presences, interested)) {
      if (once(to)) yield { to, sharesPresence };
    }
  }
}

/** §4.3.2: a full JID or a domain gets one; a bare JID one for each interested resource, else one to itself. */
function addressesOf(
  subscriber: Jid,
  node: PepNode,
  presences: Presences,
  interested: (bare: string) => Iterable<string>,
): readonly string[] {
  if (!subscriber.isBare) {
    const known = presences.of(subscriber.bare);
    const gone = node.config.availableOnly && known?.has(subscriber.resource) !== true;
    return gone ? [] : [subscriber.full];
  }
  const resources = [...interested(subscriber.bare)];
  if (resources.length > 0) return resources;
  if (node.config.availableOnly && presences.of(subscriber.bare) === undefined) return [];
  return [subscriber.bare];
}

/** Whether a client wants events of a node; false while that is not known. */
export function wants(caps: CapsEntry, node: Pick<PepNode, 'name'>): boolean {
  return caps.interests?.has(node.name) ?? false;
}
