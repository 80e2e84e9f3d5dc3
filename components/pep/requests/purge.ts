import { unsupported } from '../errors.js';
import { purgeEvent } from '../notify/events.js';
import { ownedNode, type UseCase } from './request.js';

/** Removing all items of a node (XEP-0060 §8.5); one notification for all of them (§8.5.2). */
export const purgeNode: UseCase = async (pep, request, account) => {
  const node = ownedNode(request, account);
  // §8.5.3.3
  if (!node.config.persistent) throw unsupported('persistent-items');
  await account.removeAllItems(node);
  pep.nodeChanged(request.owner, node);
  if (node.config.notifiesRetract) pep.notifier.event(request.owner, node, purgeEvent(node));
  return undefined;
};
