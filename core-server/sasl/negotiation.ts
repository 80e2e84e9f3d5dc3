import { decodeBase64Strict } from './base64.js';
import {
  failure,
  type SaslContext,
  type SaslExchange,
  type SaslFailure,
  type SaslMechanism,
  type SaslOffer,
  type SaslStep,
  type SaslSuccess,
} from './mechanism.js';
import { SASL_MECHANISMS } from './mechanisms.js';

/** What the stream sends next; `data` is the character data of the element, undefined for none. */
export type SaslReply =
  | { readonly kind: 'challenge'; readonly data: string }
  | {
      readonly kind: 'success';
      readonly success: SaslSuccess;
      /** By which it was reached, for the log. */
      readonly mechanism: string;
      readonly data: string | undefined;
    }
  | { readonly kind: 'failure'; readonly failure: SaslFailure };

export type SaslNegotiationContext = Omit<SaslContext, 'offered'>;

const EMPTY = Buffer.alloc(0);

/**
 * The server's side of SASL on one stream, between its restarts: which mechanisms it offers, then one exchange after
 * the other until one succeeds. It knows no XML: RFC 6120 §6 and XEP-0388 both use it. Call the next method only when
 * the reply to the one before is there.
 */
export class SaslNegotiation {
  readonly offer: SaslOffer;
  readonly #context: SaslContext;
  readonly #mechanisms: readonly SaslMechanism[];
  #exchange: SaslExchange | null = null;
  #mechanism = '';
  #failures = 0;

  constructor(context: SaslNegotiationContext, mechanisms: readonly SaslMechanism[] = SASL_MECHANISMS) {
    const nothing: SaslContext = { ...context, offered: { mechanisms: [], channelBindings: [] } };
    const names = mechanisms.filter((each) => each.refusal(nothing) === null).map(({ name }) => name);
    const bindable = names.some((name) => name.endsWith('-PLUS'));
    this.offer = {
      mechanisms: names,
      channelBindings: bindable ? (context.channelBinding?.types ?? []) : [],
    };
    this.#context = { ...context, offered: this.offer };
    this.#mechanisms = mechanisms;
  }

  /** Failed exchanges so far, for the limit of tries. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether an exchange waits for a response. */
  get inProgress(): boolean {
    return this.#exchange !== null;
  }

  /**
   * Begins an exchange; one that is still going on is discarded, and counts as a failed try. `initial` is the character
   * data of the initial response: undefined when there was none, `=` for one of no octets (RFC 6120 §6.4.2).
   */
  begin(name: string | undefined, initial: string | undefined): SaslReply | Promise<SaslReply> {
    if (this.#exchange !== null) {
      this.#exchange = null;
      this.#failures += 1;
    }
    const mechanism = this.#mechanisms.find((each) => each.name === name);
    if (!mechanism) return this.#failed(failure('invalid-mechanism'));
    const refusal = mechanism.refusal(this.#context);
    if (refusal) return this.#failed(failure(refusal));
    const data = initial === undefined || initial === '=' ? EMPTY : decodeBase64Strict(initial);
    if (data === null) return this.#failed(failure('incorrect-encoding'));
    this.#exchange = mechanism.begin(this.#context);
    this.#mechanism = mechanism.name;
    if (initial === undefined && mechanism.clientFirst) return { kind: 'challenge', data: '' };
    return this.#step(this.#exchange, data);
  }

  /** Takes the character data of a response. */
  respond(text: string): SaslReply | Promise<SaslReply> {
    if (!this.#exchange) return this.#failed(failure('malformed-request', 'no exchange is in progress'));
    const data = decodeBase64Strict(text);
    if (data === null) return this.#failed(failure('incorrect-encoding'));
    return this.#step(this.#exchange, data);
  }

  /** The client gives up (RFC 6120 §6.4.4). */
  abort(): SaslReply {
    return this.#failed(failure('aborted'));
  }

  #step(exchange: SaslExchange, data: Buffer): SaslReply | Promise<SaslReply> {
    try {
      const step = exchange.respond(data);
      if (!(step instanceof Promise)) return this.#reply(step);
      return step.then(
        (each) => this.#reply(each),
        (error: unknown) => this.#broken(error),
      );
    } catch (error) {
      return this.#broken(error);
    }
  }

  #reply(step: SaslStep): SaslReply {
    if (step.kind === 'challenge') return { kind: 'challenge', data: step.data.toString('base64') };
    if (step.kind === 'failure') return this.#failed(step);
    this.#exchange = null;
    const data = step.data && (step.data.length === 0 ? '=' : step.data.toString('base64'));
    return { kind: 'success', success: step, mechanism: this.#mechanism, data };
  }

  #failed(failed: SaslFailure): SaslReply {
    this.#exchange = null;
    this.#failures += 1;
    return { kind: 'failure', failure: failed };
  }

  /** The store cannot be read, or we have a bug: the peer may try again later (RFC 6120 §6.5.11). */
  #broken(error: unknown): SaslReply {
    this.#context.log.error({ code: 'sasl.broken', error }, 'an authentication exchange broke');
    return this.#failed(failure('temporary-auth-failure'));
  }
}
