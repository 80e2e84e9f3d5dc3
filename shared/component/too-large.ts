import { xml } from '../xml/element.js';
import { Stanza } from '../xml/stanza.js';
import { NS } from '../xmpp/namespaces.js';
import { StanzaError } from '../xmpp/stanza-error.js';

/** Whether a text has more bytes (UTF-8) than that. */
export function isLargerThan(bytes: number, text: string): boolean {
  // A UTF-16 code unit takes at most three bytes: what is short needs no counting.
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

/** What is said in place of a stanza that the server would not take: whoever asked learns why there is no answer. */
export function insteadOf(text: string): { readonly stanza: Stanza; readonly instead: string | null } {
  const stanza = Stanza.parse(text, NS.component);
  const { from, to, id, type } = stanza;
  const isAnswer = stanza.name === 'iq' && type === 'result';
  const error = new StanzaError('resource-constraint', { type: 'cancel', text: 'the answer is too large' });
  const instead = isAnswer
    ? Stanza.fromElement(xml('iq', { type: 'error', from, to, id }, error.toElement())).text
    : null;
  return { stanza, instead };
}
