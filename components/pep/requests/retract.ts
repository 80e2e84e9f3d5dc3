import { parseJid } from '../../../shared/xmpp/jid.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { pubsubError, unsupported } from '../errors.js';
import { affiliationOf } from '../nodes/node.js';
import { retractEvent } from '../notify/events.js';
import { booleanOf, existingNode, nodeName, parts, type UseCase } from './request.js';

/** Removing one item (XEP-0060 §7.2): the owner any, others what they have published themselves. */
export const retract: UseCase = async (pep, request, account) => {
  nodeName(request);
  const node = existingNode(request, account);
  const affiliation = affiliationOf(request.owner, node, request.from.bare);
  if (affiliation !== 'owner' && affiliation !== 'publisher' && affiliation !== 'publish-only') {
    throw new StanzaError('forbidden');
  }
  if (!node.config.persistent) throw unsupported('persistent-items');
  const ids = parts(request.action, 'item').map((item) => item.attrs['id'] ?? '');
  // §7.2.3.4
  if (ids.length === 0 || ids.includes('')) throw pubsubError('bad-request', 'item-required');
  const items = await account.items(node);
  const gone = ids.map((id) => {
    const item = items.find((entry) => entry.id === id);
    // XEP-0060 1.15.3 names this error for an item that is not there.
    if (item === undefined) throw new StanzaError('item-not-found');
    if (affiliation !== 'owner' && parseJid(item.publisher)?.bare !== request.from.bare) {
      throw new StanzaError('forbidden');
    }
    return item;
  });
  await account.removeItems(node, gone);
  pep.nodeChanged(request.owner, node);
  // The node's own configuration, unless the request says otherwise.
  if (booleanOf(request.action.attrs['notify']) ?? node.config.notifiesRetract) {
    pep.notifier.event(request.owner, node, retractEvent(node, ids));
  }
  return undefined;
};
