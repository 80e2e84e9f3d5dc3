import { randomUUID } from 'node:crypto';
import { xml } from '../../../shared/xml/element.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Subscription } from '../nodes/node.js';
import { subscriptionEvent } from '../notify/events.js';
import { ownedNode, ownerAnswer, parts, type UseCase } from './request.js';
import { welcome } from './welcome.js';

/** The subscriptions of a node, for its owner (XEP-0060 §8.8.1); pending ones are among them, so that they can be approved. */
export const listSubscriptions: UseCase = (_pep, request, account) => {
  const node = ownedNode(request, account);
  return ownerAnswer(
    xml(
      'subscriptions',
      { node: node.name },
      ...node.subscriptions.map(({ jid, subid, state }) =>
        xml('subscription', { jid, subscription: state, subid }),
      ),
    ),
  );
};

/** Changing them (§8.8.2); all or none. Those concerned are told (§8.8.4). */
export const setSubscriptions: UseCase = async (pep, request, account) => {
  const node = ownedNode(request, account);
  const subscriptions = new Map(node.subscriptions.map((entry) => [entry.jid, entry]));
  const changes: { before: Subscription | undefined; jid: string; state: string; subid: string }[] = [];
  for (const part of parts(request.action, 'subscription')) {
    const jid = parseJid(part.attrs['jid'] ?? '');
    const state = part.attrs['subscription'];
    const before = jid === null ? undefined : subscriptions.get(jid.full);
    const { subid } = part.attrs;
    const known = state === 'none' || state === 'subscribed' || state === 'pending';
    if (jid === null || !known || (subid !== undefined && subid !== before?.subid)) {
      throw new StanzaError('not-acceptable', {
        text: 'a subscription has a jid and is none, pending or subscribed',
      });
    }
    if (state === (before?.state ?? 'none')) continue;
    if (state === 'none') subscriptions.delete(jid.full);
    else subscriptions.set(jid.full, { jid: jid.full, state, subid: before?.subid ?? randomUUID() });
    const after = subscriptions.get(jid.full);
    changes.push({ before, jid: jid.full, state, subid: after?.subid ?? before?.subid ?? '' });
  }
  if (subscriptions.size > pep.limits.subscriptionsPerNode) throw new StanzaError('not-acceptable');
  if (changes.length === 0) return undefined;
  const changed = await account.change(node, { subscriptions: [...subscriptions.values()] });
  for (const { jid, state, subid } of changes) {
    pep.notifier.tell(request.owner, changed, jid, subscriptionEvent(node.name, jid, state, subid));
    const subscription = subscriptions.get(jid);
    const subscriber = parseJid(jid);
    if (subscription?.state === 'subscribed' && subscriber !== null) {
      await welcome(pep, account, changed, subscriber, subscription);
    }
  }
  return undefined;
};
