import { parseJid } from '../../../shared/xmpp/jid.js';
import type { Pep } from '../context.js';
import type { Account } from '../nodes/account.js';
import type { PepNode, Subscription } from '../nodes/node.js';
import { subscriptionEvent } from '../notify/events.js';

/**
 * Cancels the subscriptions of those who may not see a node any more, and tells them (XEP-0163 §7.1). Where the owner's
 * roster cannot be read now, nothing is cancelled: notifications check access on their own.
 */
export async function dropRefused(pep: Pep, account: Account, node: PepNode): Promise<void> {
  if (node.subscriptions.length === 0) return;
  const kept: Subscription[] = [];
  const dropped: Subscription[] = [];
  for (const subscription of node.subscriptions) {
    const entity = parseJid(subscription.jid);
    const refused =
      entity === null ||
      (subscription.state === 'subscribed' && (await pep.refusal(account.owner, node, entity)) !== null);
    (refused ? dropped : kept).push(subscription);
  }
  if (dropped.length === 0) return;
  const changed = await account.change(node, { subscriptions: kept });
  for (const { jid, subid } of dropped) {
    pep.notifier.tell(account.owner, changed, jid, subscriptionEvent(node.name, jid, 'none', subid));
  }
}
