import { randomUUID } from 'node:crypto';
import { xml } from '../../../shared/xml/element.js';
import { type Jid, parseJid } from '../../../shared/xmpp/jid.js';
import { hasSubscription } from '../access.js';
import { askOwner } from '../authorization.js';
import type { Pep } from '../context.js';
import { pubsubError, unsupported } from '../errors.js';
import { affiliationOf, type PepNode, type Subscription } from '../nodes/node.js';
import { answer, existingNode, type PubsubRequest, type UseCase } from './request.js';
import { welcome } from './welcome.js';

/** Resources of one account that subscribe to one node: more would take the places of others. */
const MOST_OF_ACCOUNT = 25;

/** Subscribing to a node (XEP-0060 §6.1). One subscription per JID: asking again gives the one there is. */
export const subscribe: UseCase = async (pep, request, account) => {
  const node = existingNode(request, account);
  const jid = subscriberOf(request);
  const waits = await checkMaySubscribe(pep, request, node);
  const existing = node.subscriptions.find((subscription) => subscription.jid === jid.full);
  if (existing?.state === 'pending') throw pubsubError('not-authorized', 'pending-subscription');
  if (existing !== undefined) return answer(subscriptionElement(node, existing));
  // §6.1.3.9
  const own = node.subscriptions.filter((one) => one.jid === jid.bare || one.jid.startsWith(`${jid.bare}/`));
  if (own.length >= MOST_OF_ACCOUNT || node.subscriptions.length >= pep.limits.subscriptionsPerNode) {
    throw pubsubError('policy-violation', 'too-many-subscriptions', { type: 'wait' });
  }
  const subscription: Subscription = {
    jid: jid.full,
    subid: randomUUID(),
    state: waits ? 'pending' : 'subscribed',
  };
  const changed = await account.change(node, { subscriptions: [...node.subscriptions, subscription] });
  if (waits) askOwner(pep, request.owner, changed, subscription);
  else await welcome(pep, account, changed, jid, subscription);
  return answer(subscriptionElement(changed, subscription));
};

/** Whether the request must wait for approval; throws where it is refused (§6.1.3). */
async function checkMaySubscribe(pep: Pep, request: PubsubRequest, node: PepNode): Promise<boolean> {
  // §6.1.3.10
  if (!node.config.subscribable) throw unsupported('subscribe');
  if (hasSubscription(node, request.from, 'pending')) {
    throw pubsubError('not-authorized', 'pending-subscription');
  }
  const refusal = await pep.refusal(request.owner, node, request.from);
  if (refusal === null) return false;
  const affiliation = affiliationOf(request.owner, node, request.from.bare);
  if (node.config.accessModel === 'authorize' && affiliation === 'none') return true;
  throw refusal;
}

/** The JID to subscribe, which must be the requester's own (§6.1.3.1). */
function subscriberOf(request: PubsubRequest): Jid {
  const text = request.action.attrs['jid'];
  const jid = text === undefined ? null : parseJid(text);
  if (jid === null || jid.bare !== request.from.bare) throw pubsubError('bad-request', 'invalid-jid');
  return jid;
}

function subscriptionElement(node: PepNode, subscription: Subscription) {
  const { jid, subid, state } = subscription;
  return xml('subscription', { node: node.name, jid, subid, subscription: state });
}
