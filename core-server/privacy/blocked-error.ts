import { xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { RuleVerdict } from './rule-evaluator.js';

/** The answer to one's own stanza that one's own rules forbid; `cancel`, as in the examples (XEP-0016 §2.14, XEP-0191 §3.3). */
export function blockedError(verdict: RuleVerdict): StanzaError {
  return verdict === 'blocked'
    ? new StanzaError('not-acceptable', {
        type: 'cancel',
        application: xml('blocked', { xmlns: NS.blockingErrors }),
      })
    : new StanzaError('not-acceptable', { type: 'cancel' });
}
