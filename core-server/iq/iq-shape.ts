import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

/** RFC 6120 §8.2.3: what every IQ must have. Null when it has; else the error to answer with. */
export function iqShape(iq: Stanza): StanzaError | null {
  if ((iq.id === undefined || iq.id === '') && !ownRoster(iq))
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

/** Old clients (xmpp4r, Jabiru) ask for the roster without an id, and wait for it for ever: they know it by its namespace. */
function ownRoster(iq: Stanza): boolean {
  if (iq.id !== undefined) return false;
  // the answer, on its way back
  if (iq.type === 'result') return iq.from !== undefined && iq.from === iq.toJid?.bare;
  const own = iq.to === undefined || iq.to === iq.fromJid?.bare;
  return own && iq.type === 'get' && iq.payload?.namespace === NS.roster;
}
