import { xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import {
  type FormDeclaration,
  formElement,
  formOf,
  parseForm,
  readSubmission,
} from '../../shared/xmpp/forms.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Pep } from './context.js';
import type { PepNode, Subscription } from './nodes/node.js';
import { subscriptionEvent } from './notify/events.js';
import { welcome } from './requests/welcome.js';

const FORM: FormDeclaration = {
  formType: NS.pubsubSubscribeAuthorization,
  title: 'Subscription request',
  instructions:
    'Approve this subscription request by submitting the form with the last field set; deny it by submitting it without.',
  fields: [
    { var: 'pubsub#subid', type: 'hidden' },
    { var: 'pubsub#node', type: 'text-single', label: 'Node ID', required: true },
    { var: 'pubsub#subscriber_jid', type: 'jid-single', label: 'Subscriber', required: true },
    {
      var: 'pubsub#allow',
      type: 'boolean',
      label: 'Allow this JID to subscribe to this node?',
      required: true,
    },
  ],
};

/**
 * Asks the owner to approve a pending subscription (XEP-0060 §8.6). The form comes from the component's own domain: an
 * answer to the account's own address would never leave its server.
 */
export function askOwner(pep: Pep, owner: string, node: PepNode, subscription: Subscription): void {
  const form = formElement(FORM, {
    'pubsub#subid': subscription.subid,
    'pubsub#node': node.name,
    'pubsub#subscriber_jid': subscription.jid,
    'pubsub#allow': false,
  });
  pep.component.send(xml('message', { to: owner, id: `approve-${subscription.subid}` }, form));
}

/** The owner's answer. Messages that are none are refused with `service-unavailable`. */
export async function takeApproval(pep: Pep, message: Stanza): Promise<void> {
  const from = message.fromJid;
  const form = formOf(message.element);
  if (message.type === 'error' || !from) return;
  if (form === undefined || parseForm(form).formType !== NS.pubsubSubscribeAuthorization) {
    throw new StanzaError('service-unavailable');
  }
  const values = readSubmission(form, FORM);
  // A cancelled form leaves the request pending.
  if (values === null) return;
  const owner = from.bare;
  await pep.accounts.with(owner, async (account) => {
    const node = account.node(String(values['pubsub#node']));
    const subscription = node?.subscriptions.find(({ jid }) => jid === values['pubsub#subscriber_jid']);
    const { 'pubsub#subid': subid } = values;
    if (node === undefined || subscription?.state !== 'pending') throw new StanzaError('item-not-found');
    if (typeof subid === 'string' && subid !== '' && subid !== subscription.subid) {
      throw new StanzaError('item-not-found');
    }
    const allowed = values['pubsub#allow'] === true;
    const rest = node.subscriptions.filter((candidate) => candidate !== subscription);
    const approved: Subscription = { ...subscription, state: 'subscribed' };
    const changed = await account.change(node, { subscriptions: allowed ? [...rest, approved] : rest });
    const { jid } = subscription;
    const state = allowed ? 'subscribed' : 'none';
    pep.notifier.tell(owner, changed, jid, subscriptionEvent(node.name, jid, state, subscription.subid));
    const subscriber = parseJid(jid);
    if (allowed && subscriber !== null) await welcome(pep, account, changed, subscriber, approved);
  });
}
