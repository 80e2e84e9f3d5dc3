import { randomBytes } from 'node:crypto';
import type { Element } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

interface Pending {
  readonly resolve: (answer: Stanza) => void;
  readonly reject: (error: StanzaError) => void;
  readonly timer: NodeJS.Timeout;
}

/** IQ requests that this server itself sends, for itself or on behalf of an account, and their answers. */
export class LocalRequests {
  readonly #pending = new Map<string, Pending>();
  readonly #route: (stanza: Stanza) => void;
  #sequence = 0;

  constructor(route: (stanza: Stanza) => void) {
    this.#route = route;
  }

  /** An id for a request of ours that no peer can guess the next of. */
  nextId(): string {
    this.#sequence++;
    return `e${this.#sequence.toString(36)}-${randomBytes(6).toString('base64url')}`;
  }

  /**
   * Sends an IQ get or set (`from` and `to` set, `id` given or made) and resolves with the result. Rejects with the
   * error answer as a StanzaError, or with `remote-server-timeout`.
   */
  async send(iq: Element, timeoutMilliseconds = 30_000): Promise<Stanza> {
    const answer = await this.exchange(iq, timeoutMilliseconds);
    if (answer.type === 'result') return answer;
    throw errorOf(answer);
  }

  /** The same, but an error answer resolves too: for whom passes it on. */
  exchange(iq: Element, timeoutMilliseconds = 30_000, route = this.#route): Promise<Stanza> {
    iq.attrs['id'] ??= this.nextId();
    const stanza = Stanza.fromElement(iq);
    // an answer counts only from whom we asked (spoofed results share the id at best)
    const key = keyOf(stanza.id ?? '', stanza.to ?? '', stanza.from ?? '');
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(key);
        reject(new StanzaError('remote-server-timeout'));
      }, timeoutMilliseconds);
      timer.unref();
      this.#pending.set(key, { resolve, reject, timer });
      route(stanza);
    });
  }

  /** {@link send}, but handed to `route` instead of the router: for accounts that do not exist any more. */
  async sendVia(route: (stanza: Stanza) => void, iq: Element): Promise<Stanza> {
    const answer = await this.exchange(iq, undefined, route);
    if (answer.type === 'result') return answer;
    throw errorOf(answer);
  }

  /** Takes a result or error that was addressed to the server or an account. False when nobody asked. */
  settle(answer: Stanza): boolean {
    const key = keyOf(answer.id ?? '', answer.from ?? '', answer.to ?? '');
    const pending = this.#pending.get(key);
    if (pending === undefined) return false;
    this.#pending.delete(key);
    clearTimeout(pending.timer);
    pending.resolve(answer);
    return true;
  }
}

function errorOf(answer: Stanza): StanzaError {
  const error = answer.element.getChild('error');
  return error === undefined ? new StanzaError('undefined-condition') : StanzaError.fromElement(error);
}

function keyOf(id: string, peer: string, own: string): string {
  return `${id}\n${peer}\n${own}`;
}
