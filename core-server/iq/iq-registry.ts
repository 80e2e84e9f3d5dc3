import { stanzaErrorOf } from '../../shared/entity/failure.js';
import type { Logger } from '../../shared/observability/types.js';
import { childElements, type Element } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { writeElement } from '../../shared/xml/write.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Origin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';

/** An IQ get or set that this server answers: for itself (`server`) or on behalf of an account (`account`). */
export interface IqRequest {
  readonly stanza: Stanza;
  readonly type: 'get' | 'set';
  readonly from: Jid;
  readonly to: Jid;
  /** The first child, as a tree, built when asked for. */
  readonly payload: Element;
  /** The account that is asked (scope `account`), else null. */
  readonly account: AccountState | null;
  readonly origin: Origin;
}

/** The payload of a result: a tree, its wire text (of one element with its namespace declared), or none. */
export type IqAnswer = Element | string | undefined;

/**
 * What is returned is the result's payload, a thrown StanzaError the error answer; anything else thrown becomes
 * `internal-server-error` and one log line.
 */
export type IqHandler = (request: IqRequest) => IqAnswer | Promise<IqAnswer>;

/** Takes an IQ before the registered handlers do: namespace delegation. True when it was taken over. */
type IqInterceptor = (
  scope: IqScope,
  stanza: Stanza,
  account: AccountState | null,
  origin: Origin,
) => boolean;

export type IqScope = 'server' | 'account';

interface Registered {
  readonly namespace: string;
  readonly name: string;
  get?: IqHandler;
  set?: IqHandler;
}

class Request implements IqRequest {
  readonly stanza: Stanza;
  readonly type: 'get' | 'set';
  readonly from: Jid;
  readonly to: Jid;
  readonly account: AccountState | null;
  readonly origin: Origin;

  constructor(
    stanza: Stanza,
    type: 'get' | 'set',
    from: Jid,
    to: Jid,
    account: AccountState | null,
    origin: Origin,
  ) {
    this.stanza = stanza;
    this.type = type;
    this.from = from;
    this.to = to;
    this.account = account;
    this.origin = origin;
  }

  get payload(): Element {
    // its shape was checked before: there is exactly one
    return childElements(this.stanza.element)[0] as Element;
  }
}

/** Which feature answers which IQ payload. */
export class IqRegistry {
  readonly #handlers = { server: new Map<string, Registered[]>(), account: new Map<string, Registered[]>() };
  readonly #interceptors: IqInterceptor[] = [];
  readonly #reply: (answer: Stanza, origin: Origin) => void;
  readonly #log: Logger;

  constructor(options: { reply: (answer: Stanza, origin: Origin) => void; log: Logger }) {
    this.#reply = options.reply;
    this.#log = options.log;
  }

  /** Registers one payload; twice the same is a programming error. */
  on(scope: IqScope, type: 'get' | 'set', namespace: string, name: string, handler: IqHandler): void {
    const map = this.#handlers[scope];
    let list = map.get(namespace);
    if (list === undefined) {
      list = [];
      map.set(namespace, list);
    }
    let registered = list.find((other) => other.name === name);
    if (registered === undefined) {
      registered = { namespace, name };
      list.push(registered);
    }
    if (registered[type] !== undefined) throw new Error(`IQ ${type} ${namespace} is registered twice`);
    registered[type] = handler;
  }

  intercept(interceptor: IqInterceptor): void {
    this.#interceptors.push(interceptor);
  }

  /** Gives a valid IQ to whoever intercepts it; false where nobody does. */
  intercepted(scope: IqScope, stanza: Stanza, account: AccountState | null, origin: Origin): boolean {
    return this.#interceptors.some((interceptor) => interceptor(scope, stanza, account, origin));
  }

  /** Answers a valid IQ get or set (type, id and exactly one child are checked before). */
  handle(scope: IqScope, stanza: Stanza, account: AccountState | null, origin: Origin): void {
    if (this.intercepted(scope, stanza, account, origin)) return;
    const payload = stanza.payload;
    const type = stanza.type === 'set' ? 'set' : 'get';
    const registered =
      payload === null
        ? undefined
        : this.#handlers[scope].get(payload.namespace)?.find((entry) => entry.name === payload.name);
    const handler = registered?.[type];
    if (handler === undefined) {
      // RFC 6120 §8.4: an unknown payload is service-unavailable
      this.#fail(stanza, new StanzaError('service-unavailable'), origin);
      return;
    }
    const from = stanza.fromJid;
    const to = stanza.toJid;
    if (!from || !to) {
      this.#fail(stanza, new StanzaError('bad-request'), origin);
      return;
    }
    const request = new Request(stanza, type, from, to, account, origin);
    this.#run(handler, request);
  }

  #run(handler: IqHandler, request: IqRequest): void {
    const { stanza, origin } = request;
    try {
      const answer = handler(request);
      if (answer instanceof Promise) {
        const release = origin.hold();
        answer
          .then(
            (payload) => this.#reply(resultOf(stanza, payload), origin),
            (error: unknown) => this.#failed(stanza, error, origin),
          )
          .finally(release);
      } else this.#reply(resultOf(stanza, answer), origin);
    } catch (error) {
      this.#failed(stanza, error, origin);
    }
  }

  #failed(stanza: Stanza, error: unknown, origin: Origin): void {
    if (error instanceof StanzaError) return this.#fail(stanza, error, origin);
    this.#log.error(
      { code: 'core.iq-handler-failed', error, namespace: stanza.payload?.namespace, id: stanza.id },
      'an IQ handler failed',
    );
    this.#fail(stanza, stanzaErrorOf(error), origin);
  }

  #fail(stanza: Stanza, error: StanzaError, origin: Origin): void {
    const reply = errorReply(stanza, error);
    if (reply !== null) this.#reply(reply, origin);
  }
}

/** The result of an IQ, addressed back, with an optional payload (RFC 6120 §8.2.3). */
export function resultOf(iq: Stanza, payload: IqAnswer): Stanza {
  const content = payload === undefined ? '' : typeof payload === 'string' ? payload : writeElement(payload);
  return Stanza.iq({ type: 'result', id: iq.id, from: iq.to, to: iq.from }, content);
}
