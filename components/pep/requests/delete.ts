import { deleteEvent } from '../notify/events.js';
import { ownedNode, parts, type UseCase } from './request.js';

/** Deleting a node (XEP-0060 §8.4). */
export const deleteNode: UseCase = async (pep, request, account) => {
  const node = ownedNode(request, account);
  const redirect = parts(request.action, 'redirect')[0]?.attrs['uri'];
  await account.remove(node);
  pep.nodeChanged(request.owner, node);
  if (node.config.notifiesDelete) pep.notifier.event(request.owner, node, deleteEvent(node, redirect));
  return undefined;
};
