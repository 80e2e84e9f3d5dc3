import { stanzaErrorOf } from '../entity/failure.js';
import type { Element } from '../xml/element.js';
import type { Stanza } from '../xml/stanza.js';
import type { Jid } from '../xmpp/jid.js';
import { StanzaError } from '../xmpp/stanza-error.js';
import { type IqHandler, type IqRequest, NOT_MINE } from './component.js';

/** The handlers of IQ payloads, by type, namespace and name. */
export class IqHandlers {
  private readonly handlers = new Map<string, IqHandler>();

  add(type: 'get' | 'set', namespace: string, name: string, handler: IqHandler): void {
    const key = keyOf(type, namespace, name);
    if (this.handlers.has(key))
      throw new TypeError(`iq ${type} ${name} of ${namespace} has a handler already`);
    this.handlers.set(key, handler);
  }

  find(iq: Stanza): IqHandler | undefined {
    const { payload, type } = iq;
    return payload === null
      ? undefined
      : this.handlers.get(keyOf(type ?? '', payload.namespace, payload.name));
  }
}

function keyOf(type: string, namespace: string, name: string): string {
  return `${type} ${name} ${namespace}`;
}

/** What a handler made of a request. */
export type Outcome =
  | { readonly result: Element | undefined }
  | { readonly error: StanzaError }
  | { readonly notMine: true };

/** Runs a handler; `done` is called exactly once, at once if the handler needs no promise. */
export function runHandler(
  handler: IqHandler,
  request: IqRequest,
  failed: (error: unknown) => void,
  done: (outcome: Outcome) => void,
): void | Promise<void> {
  const settle = (value: Element | undefined | typeof NOT_MINE): void =>
    done(value === NOT_MINE ? { notMine: true } : { result: value });
  const refuse = (error: unknown): void => {
    if (!(error instanceof StanzaError)) failed(error);
    done({ error: stanzaErrorOf(error) });
  };
  let value: ReturnType<IqHandler>;
  try {
    value = handler(request);
  } catch (error) {
    refuse(error);
    return undefined;
  }
  if (value instanceof Promise) return value.then(settle, refuse);
  settle(value);
  return undefined;
}

/** An IQ get or set whose addresses, `id` and payload have been checked; the tree is built for whom asks. */
export class CheckedRequest implements IqRequest {
  readonly stanza: Stanza;
  readonly type: 'get' | 'set';
  readonly id: string;
  readonly from: Jid;
  readonly to: Jid;
  readonly delegated: IqRequest['delegated'];

  constructor(
    stanza: Stanza,
    checked: { type: 'get' | 'set'; id: string; from: Jid; to: Jid; delegated: IqRequest['delegated'] },
  ) {
    this.stanza = stanza;
    this.type = checked.type;
    this.id = checked.id;
    this.from = checked.from;
    this.to = checked.to;
    this.delegated = checked.delegated;
  }

  get payload(): Element {
    const payload = this.stanza.element.getChildElements()[0];
    if (payload === undefined)
      throw new StanzaError('bad-request', { text: 'an iq request has one payload' });
    return payload;
  }

  /** The account, room or service on whose behalf this is handled: its requests stay in order. */
  get owner(): string {
    return this.to.bare;
  }
}
