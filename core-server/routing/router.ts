import type { Logger } from '../../shared/observability/types.js';
import { type Element, xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import { localOrigin, type Origin } from './origin.js';
import type { RoutingMetrics } from './routing-metrics.js';

/** Where stanzas for one domain go: a hosted domain, a component, another server. */
export interface Destination {
  /** Takes a stanza whose `from` and `to` are stamped and valid. Every stanza is delivered, stored or bounced. */
  deliver(stanza: Stanza, origin: Origin): void;
  /** Whether an answer to this address would only be dropped: its session is gone. Only hosted domains can tell. */
  isGone?(address: Jid): boolean;
}

const BLOCKED = 'the administrators of this server do not allow it';
/** A longer message is not returned: what was harmless once need not be so twice (RFC 6120 §8.3.1, rule 6). */
const RETURNED_CHARACTERS = 8192;

/** Decides, in one place, where a stanza goes: by the domain of its `to`. */
export class Router {
  readonly #destinations = new Map<string, Destination>();
  /** True for what administrators do not let pass, in either direction; null where everything may. */
  guard: ((stanza: Stanza) => boolean) | null = null;
  #remote: Destination;
  readonly #log: Logger;
  readonly #metrics: RoutingMetrics;

  constructor(log: Logger, metrics: RoutingMetrics) {
    this.#log = log;
    this.#metrics = metrics;
    // Until federation is set up nothing lies beyond (RFC 6120 §10.4: remote-server-not-found)
    this.#remote = { deliver: (stanza) => this.bounce(stanza, new StanzaError('remote-server-not-found')) };
  }

  /** Registers a hosted or component domain. */
  add(domain: string, destination: Destination): void {
    this.#destinations.set(domain, destination);
  }

  remove(domain: string): void {
    this.#destinations.delete(domain);
  }

  /** Whether this domain is served by this process or one of its components. */
  serves(domain: string): boolean {
    return this.#destinations.has(domain);
  }

  /** Everything else goes here: server-to-server streams. */
  setRemote(destination: Destination): void {
    this.#remote = destination;
  }

  /** Routes a stanza whose `from` is stamped. A missing or malformed `to` was refused at the door. */
  route(stanza: Stanza, origin: Origin): void {
    const to = stanza.toJid;
    if (!to) {
      this.bounce(stanza, new StanzaError('jid-malformed'));
      return;
    }
    if (this.guard !== null && stanza.type !== 'error' && this.guard(stanza)) {
      if (stanza.name !== 'presence') this.bounce(stanza, new StanzaError('not-allowed', { text: BLOCKED }));
      return;
    }
    const destination = this.#destinations.get(to.domain) ?? this.#remote;
    const timed = this.#metrics.begin(stanza.name);
    try {
      destination.deliver(stanza, origin);
      timed?.();
    } catch (error) {
      // one handler that throws costs one error answer and one log line
      this.#log.error(
        { code: 'core.routing-failed', error, stanza: stanza.name, id: stanza.id },
        'routing failed',
      );
      this.bounce(stanza, new StanzaError('internal-server-error'));
    }
  }

  /** Returns a stanza to its sender with an error, where RFC 6120 §8.3.1 allows an answer at all. */
  bounce(stanza: Stanza, error: StanzaError): void {
    // who has sent very much and gone is not to cost an answer for each of it
    const from = stanza.fromJid;
    if (from && this.#destinations.get(from.domain)?.isGone?.(from) === true) return;
    const reply = this.errorFor(stanza, error);
    if (reply !== null) this.reply(reply);
  }

  /** The error answer without sending it; null where none is allowed. */
  errorFor(stanza: Stanza, error: StanzaError): Stanza | null {
    const original = this.#returned(stanza);
    return errorReply(stanza, error, { original, lang: original.length > 0 ? stanza.lang : undefined });
  }

  /**
   * What an error answer gives back (RFC 6120 §8.3.1, rule 6): to an account of ours, who was verified to be the author,
   * the text of its message, by which a client that kept nothing knows which one failed; to others nothing.
   */
  #returned(stanza: Stanza): readonly Element[] {
    if (stanza.name !== 'message' || stanza.type === 'error' || stanza.source.length > RETURNED_CHARACTERS)
      return [];
    const from = stanza.fromJid;
    if (!from || this.#destinations.get(from.domain)?.isGone === undefined) return [];
    // made anew, not copied: a prefix may have been declared on the message itself
    return stanza.element
      .getChildElements()
      .filter((child) => child.getName() === 'body' && child.getNS() === stanza.element.getNS())
      .map((body) => xml('body', { 'xml:lang': body.attrs['xml:lang'] }, body.getText()));
  }

  /** Routes an answer of this server or made on behalf of one of its accounts. */
  reply(answer: Stanza): void {
    if (answer.toJid) this.route(answer, localOrigin);
  }
}
