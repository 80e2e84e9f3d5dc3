import type { Stanza } from '../../shared/xml/stanza.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

/** RFC 6120 §8.2.3: what every IQ must have. Null when it has; else the error to answer with. */
export function iqShape(iq: Stanza): StanzaError | null {
  if (iq.id === undefined || iq.id === '')
    return new StanzaError('bad-request', { text: 'an IQ needs an id' });
  switch (iq.type) {
    case 'get':
    case 'set':
      // rules 5: exactly one child element that says what is asked
      return iq.children().length === 1
        ? null
        : new StanzaError('bad-request', { text: 'an IQ request has exactly one child' });
    case 'result':
      return null;
    case 'error':
      return null;
    default:
      return new StanzaError('bad-request', { text: "an IQ's type is get, set, result or error" });
  }
}
