import type { Jid } from '../../../shared/xmpp/jid.js';
import type { Pep } from '../context.js';
import type { PepNode } from '../nodes/node.js';
import type { Owners } from '../server/presence-feed.js';
import type { Watchers } from '../server/watchers.js';

/**
 * A resource has become available, with interests: it gets the last item of each node of its own account and of every
 * account whose presence it receives (XEP-0163 §4.3.2, rule 2), of those that are ours to send.
 */
export async function sendLastItems(
  pep: Pep,
  watchers: Watchers,
  resource: Jid,
  interests: ReadonlySet<string>,
  ours: Owners,
): Promise<void> {
  if (interests.size === 0) return;
  await pep.notifier.whileArriving(resource.full, () => sendItems(pep, watchers, resource, interests, ours));
}

async function sendItems(
  pep: Pep,
  watchers: Watchers,
  resource: Jid,
  interests: ReadonlySet<string>,
  ours: Owners,
): Promise<void> {
  const { bare } = resource;
  const owners = new Set<string>([bare]);
  for (const owner of watchers.of(bare)) owners.add(owner);
  if (pep.component.server.domains.has(resource.domain)) {
    // A contact of this server: its own roster says whose presence it receives.
    for (const [contact, { subscribed }] of await pep.rosters.get(bare)) if (subscribed) owners.add(contact);
  }
  for (const owner of owners) {
    if (ours.mine(owner) && pep.accounts.mayOwn(owner)) {
      await sendLastItemsOf(pep, owner, resource, interests);
    }
  }
  await Promise.all([...owners].map((owner) => pep.notifier.sent(owner)));
}

/** The last items of one account's nodes, those that the resource wants and may have. */
export async function sendLastItemsOf(
  pep: Pep,
  owner: string,
  resource: Jid,
  interests: ReadonlySet<string>,
): Promise<void> {
  await pep.accounts.with(owner, async (account) => {
    for (const node of account.nodes) {
      if (node.config.sendLast !== 'on_sub_and_presence' || !interests.has(node.name)) continue;
      if (!node.config.deliversNotifications) continue;
      if ((await pep.refusal(owner, node, resource)) !== null) continue;
      // With an open node too, only who receives the owner's presence is subscribed without asking.
      const sharesPresence =
        resource.bare === owner || (await pep.contact(owner, resource))?.subscriber === true;
      if (!sharesPresence && !isSubscribed(node, resource)) continue;
      const item = await account.lastItem(node);
      if (item !== undefined) pep.notifier.lastItem(owner, node, { to: resource.full, sharesPresence }, item);
    }
  });
}

function isSubscribed(node: PepNode, resource: Jid): boolean {
  return node.subscriptions.some(
    ({ jid, state }) => state === 'subscribed' && (jid === resource.bare || jid === resource.full),
  );
}
