import type { Jid } from '../../../shared/xmpp/jid.js';
import type { Pep } from '../context.js';
import type { Account } from '../nodes/account.js';
import type { PepNode, Subscription } from '../nodes/node.js';
import { subscriptionEvent } from '../notify/events.js';
import { recipientFor } from './recipient.js';

/** What follows a subscription: the last item for the subscriber (XEP-0060 §6.1.7), word for the owner (`notify_sub`). */
export async function welcome(
  pep: Pep,
  account: Account,
  node: PepNode,
  jid: Jid,
  subscription: Subscription,
): Promise<void> {
  if (node.config.notifiesSubscriptions) {
    pep.notifier.tell(
      account.owner,
      node,
      account.owner,
      subscriptionEvent(node.name, jid.full, subscription.state, subscription.subid),
    );
  }
  if (node.config.sendLast === 'never' || !node.config.deliversNotifications) return;
  const item = await account.lastItem(node);
  if (item === undefined) return;
  const recipient = await recipientFor(pep, account.owner, jid);
  pep.notifier.lastItem(account.owner, node, recipient, item);
}
