import type { Jid } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { pubsubError } from './errors.js';
import { affiliationOf, type PepNode } from './nodes/node.js';
import type { Contact } from './server/rosters.js';

/**
 * Why an entity may not subscribe to a node or retrieve its items (XEP-0060 §4.1, §4.5); null where it may. `contact` is
 * the entity in the owner's roster. For the access model `authorize` a subscription of the entity must have been approved.
 */
export function refusalOf(
  owner: string,
  node: PepNode,
  entity: Jid,
  contact: Contact | undefined,
): StanzaError | null {
  switch (affiliationOf(owner, node, entity.bare)) {
    case 'owner':
    case 'publisher':
    case 'member':
      return null;
    case 'outcast':
    case 'publish-only':
      return new StanzaError('forbidden');
    case 'none':
  }
  switch (node.config.accessModel) {
    case 'open':
      return null;
    case 'presence':
      return contact?.subscriber ? null : presenceRequired();
    case 'roster':
      if (!contact?.subscriber) return presenceRequired();
      return contact.groups.some((group) => node.config.rosterGroups.includes(group))
        ? null
        : pubsubError('not-authorized', 'not-in-roster-group');
    case 'authorize':
      return hasSubscription(node, entity, 'subscribed')
        ? null
        : pubsubError('not-authorized', 'not-subscribed');
    default:
      // `whitelist`, and whatever a damaged store may say
      return pubsubError('not-allowed', 'closed-node');
  }
}

function presenceRequired(): StanzaError {
  return pubsubError('not-authorized', 'presence-subscription-required');
}

/** Whether the entity, with any resource, has a subscription in that state. */
export function hasSubscription(node: PepNode, entity: Jid, state: 'subscribed' | 'pending'): boolean {
  return node.subscriptions.some(
    (subscription) =>
      subscription.state === state &&
      (subscription.jid === entity.bare || subscription.jid.startsWith(`${entity.bare}/`)),
  );
}

/** Whether the access model depends on the owner's roster. */
export function needsRoster(node: PepNode): boolean {
  return node.config.accessModel === 'presence' || node.config.accessModel === 'roster';
}

/** Whether an entity may publish to a node (XEP-0060 §4.1 and `pubsub#publish_model`). */
export function mayPublish(owner: string, node: PepNode, entity: Jid): boolean {
  switch (affiliationOf(owner, node, entity.bare)) {
    case 'owner':
    case 'publisher':
    case 'publish-only':
      return true;
    case 'outcast':
      return false;
    default:
      break;
  }
  if (node.config.publishModel === 'open') return true;
  return node.config.publishModel === 'subscribers' && hasSubscription(node, entity, 'subscribed');
}
