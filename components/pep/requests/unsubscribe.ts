import { xml } from '../../../shared/xml/element.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { pubsubError } from '../errors.js';
import { subscriptionEvent } from '../notify/events.js';
import { answer, existingNode, type UseCase } from './request.js';

/** Ending a subscription (XEP-0060 §6.2). */
export const unsubscribe: UseCase = async (pep, request, account) => {
  const node = existingNode(request, account);
  const { jid: text, subid } = request.action.attrs;
  const jid = text === undefined ? null : parseJid(text);
  if (jid === null) throw pubsubError('bad-request', 'invalid-jid');
  // §6.2.3.3: another's subscription
  if (jid.bare !== request.from.bare) throw new StanzaError('forbidden');
  const subscription = node.subscriptions.find((candidate) => candidate.jid === jid.full);
  if (subscription === undefined)
    throw pubsubError('unexpected-request', 'not-subscribed', { type: 'cancel' });
  // §6.2.3.5
  if (subid !== undefined && subid !== subscription.subid)
    throw pubsubError('not-acceptable', 'invalid-subid');
  const changed = await account.change(node, {
    subscriptions: node.subscriptions.filter((candidate) => candidate !== subscription),
  });
  if (node.config.notifiesSubscriptions) {
    const event = subscriptionEvent(node.name, jid.full, 'none', subscription.subid);
    pep.notifier.tell(request.owner, changed, request.owner, event);
  }
  return answer(
    xml('subscription', { node: node.name, jid: jid.full, subid: subscription.subid, subscription: 'none' }),
  );
};
