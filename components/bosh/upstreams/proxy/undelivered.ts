import type { Stanza } from '../../../../shared/xml/stanza.js';
import { errorReply, StanzaError } from '../../../../shared/xmpp/stanza-error.js';
import { isStanzaName } from '../../../../shared/xmpp/stanza-name.js';

/**
 * Stanzas that a server has sent on one stream and that the client has not confirmed. Where the session ends, each is
 * answered for to its sender (XEP-0206 §"recipient-unavailable").
 */
export class Undelivered {
  readonly #stanzas: { number: number; stanza: Stanza }[] = [];

  add(number: number, stanza: Stanza): void {
    // Presence is dropped in the end, and results and errors are answers themselves: none of them need be kept.
    const { name, type } = stanza;
    if (!isStanzaName(name) || name === 'presence' || type === 'error') return;
    if (name === 'iq' && type === 'result') return;
    this.#stanzas.push({ number, stanza });
  }

  acknowledge(upTo: number): void {
    const left = this.#stanzas.findIndex(({ number }) => number > upTo);
    this.#stanzas.splice(0, left < 0 ? this.#stanzas.length : left);
  }

  /** The error answers, as wire text. */
  takeAnswers(): string {
    let text = '';
    for (const { stanza } of this.#stanzas.splice(0)) {
      const condition = stanza.name === 'iq' ? 'service-unavailable' : 'recipient-unavailable';
      text += errorReply(stanza, new StanzaError(condition))?.text ?? '';
    }
    return text;
  }
}
