import { xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { type DefinedCondition, StanzaError, type StanzaErrorType } from '../../shared/xmpp/stanza-error.js';

/** The application-specific conditions of XEP-0060 (schema of `pubsub#errors`) that this service uses. */
type PubsubCondition =
  | 'closed-node'
  | 'invalid-jid'
  | 'invalid-options'
  | 'invalid-payload'
  | 'invalid-subid'
  | 'item-forbidden'
  | 'item-required'
  | 'jid-required'
  | 'max-items-exceeded'
  | 'max-nodes-exceeded'
  | 'node-full'
  | 'nodeid-required'
  | 'not-in-roster-group'
  | 'not-subscribed'
  | 'payload-required'
  | 'payload-too-big'
  | 'pending-subscription'
  | 'precondition-not-met'
  | 'presence-subscription-required'
  | 'too-many-subscriptions'
  | 'unsupported-access-model';

/** A stanza error with its pubsub-specific condition (XEP-0060 §"Error Conditions"). */
export function pubsubError(
  condition: DefinedCondition,
  application: PubsubCondition,
  options: { type?: StanzaErrorType; text?: string } = {},
): StanzaError {
  return new StanzaError(condition, {
    ...options,
    application: xml(application, { xmlns: NS.pubsubErrors }),
  });
}

/** What XEP-0060 has and this service has not, by the name of its feature. */
export function unsupported(feature: string): StanzaError {
  return new StanzaError('feature-not-implemented', {
    application: xml('unsupported', { xmlns: NS.pubsubErrors, feature }),
  });
}

/** The error where a request names no node though it must. */
export function nodeRequired(): StanzaError {
  return pubsubError('bad-request', 'nodeid-required');
}
