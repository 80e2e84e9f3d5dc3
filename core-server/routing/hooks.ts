import type { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid, Jid } from '../../shared/xmpp/jid.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import type { StreamEnd } from '../streams/client-stream.js';
import type { Origin } from './origin.js';

/**
 * An ordered list of handlers for one point of the stanza's way. Lower `order` runs first; a handler that returns true
 * has taken the stanza over and ends the walk.
 */
class HookPoint<Arguments extends unknown[]> {
  #entries: { order: number; handler: (...args: Arguments) => boolean | undefined }[] = [];
  #handlers: ((...args: Arguments) => boolean | undefined)[] = [];

  add(order: number, handler: (...args: Arguments) => boolean | undefined): void {
    this.#entries.push({ order, handler });
    this.#entries.sort((a, b) => a.order - b.order);
    this.#handlers = this.#entries.map((entry) => entry.handler);
  }

  /** True when a handler took over. */
  run(...args: Arguments): boolean {
    for (const handler of this.#handlers) if (handler(...args) === true) return true;
    return false;
  }
}

/** An event that all listeners hear. */
class Signal<Arguments extends unknown[]> {
  readonly #listeners: ((...args: Arguments) => void)[] = [];
  on(listener: (...args: Arguments) => void): void {
    this.#listeners.push(listener);
  }
  emit(...args: Arguments): void {
    for (const listener of this.#listeners) listener(...args);
  }
}

/**
 * The points at which features meet a stanza, in this fixed order:
 * `client.inbound → privacy.outbound → route → privacy.inbound → deliver | offline.store`.
 * Privacy itself is not a hook but the account's {@link RuleEvaluator}: one look-up, and nothing can come before it.
 */
export interface Hooks {
  /** A valid stanza of a bound session, `from` stamped, before privacy rules and routing. */
  readonly clientInbound: HookPoint<[session: Session, stanza: Stanza]>;
  /** A message of an account that no session sent: privileged messages (XEP-0356), for carbons and archives. */
  readonly accountOutbound: HookPoint<[account: AccountState, message: Stanza]>;
  /** A message is in the queues of these sessions of an account: carbons of what was received. */
  readonly messageDelivered: HookPoint<
    [account: AccountState, message: Stanza, to: readonly Session[], origin: Origin]
  >;
  /** A message that no session took: storing it offline is a handler, so is refusing. */
  readonly messageUndelivered: HookPoint<[account: AccountState, message: Stanza, origin: Origin]>;
  /** A stanza on its way into one session's queue; client state indication may hold it. */
  readonly sessionOutbound: HookPoint<[session: Session, stanza: Stanza]>;

  /** A session's stream is over; a handler may keep the session (XEP-0198), else it ends. */
  readonly streamLost: HookPoint<[session: Session, end: StreamEnd]>;
  /** A message that a client may send and that is about to be routed: carbons of what was sent. */
  readonly messageSent: HookPoint<[session: Session, message: Stanza]>;

  readonly sessionBound: Signal<[session: Session]>;
  /** First available presence of a session, or available again after unavailable (RFC 6121 §4.2). */
  readonly sessionAvailable: Signal<[session: Session, presence: Stanza]>;
  /** Every available presence broadcast of a session, the first included. */
  readonly presenceBroadcast: Signal<[session: Session, presence: Stanza]>;
  readonly sessionUnavailable: Signal<[session: Session, presence: Stanza]>;
  /** The session has lost its stream and waits for another (XEP-0198). */
  readonly sessionHibernating: Signal<[session: Session]>;
  readonly sessionResumed: Signal<[session: Session]>;
  /** What a session that has ended has not certainly received, before it is handed on. */
  readonly sessionLeaves: Signal<[session: Session, stanzas: readonly Stanza[]]>;
  /** All that ended sessions of an account had left, since this time (milliseconds since 1970), has been stored or refused. */
  readonly leavingsHandedOn: Signal<[account: AccountState, since: number]>;
  /** The session is gone for good; its undelivered stanzas are being handed on. */
  readonly sessionEnded: Signal<[session: Session]>;
  /** Available or unavailable presence of somebody else arriving for an account. */
  readonly presenceReceived: Signal<[account: AccountState, presence: Stanza, from: Jid]>;
  readonly accountCreated: Signal<[account: BareJid]>;
  readonly accountRemoved: Signal<[account: BareJid]>;
  /** An item changed, was added or (`removed`) removed; subscription changes included. */
  readonly rosterChanged: Signal<[account: AccountState, contact: BareJid, removed: boolean]>;
  /** A request that a managing component (XEP-0355) has answered with a result. */
  readonly delegationAnswered: Signal<[request: Stanza]>;
  readonly componentUp: Signal<[domain: string]>;
  readonly componentDown: Signal<[domain: string, comesBack: boolean]>;
  /** The streams from another server broke: what is known of the presence of its users is stale. */
  readonly remoteLost: Signal<[domain: string]>;
  /** SIGHUP or `entourage reload`. */
  readonly reloaded: Signal<[]>;
}

/** The hook points and signals of one core, with nobody at them yet. */
export function createHooks(): Hooks {
  return {
    clientInbound: new HookPoint(),
    accountOutbound: new HookPoint(),
    messageDelivered: new HookPoint(),
    messageUndelivered: new HookPoint(),
    sessionOutbound: new HookPoint(),
    streamLost: new HookPoint(),
    messageSent: new HookPoint(),
    sessionBound: new Signal(),
    sessionAvailable: new Signal(),
    presenceBroadcast: new Signal(),
    sessionUnavailable: new Signal(),
    sessionHibernating: new Signal(),
    sessionResumed: new Signal(),
    sessionLeaves: new Signal(),
    leavingsHandedOn: new Signal(),
    sessionEnded: new Signal(),
    presenceReceived: new Signal(),
    accountCreated: new Signal(),
    accountRemoved: new Signal(),
    rosterChanged: new Signal(),
    delegationAnswered: new Signal(),
    componentUp: new Signal(),
    componentDown: new Signal(),
    remoteLost: new Signal(),
    reloaded: new Signal(),
  };
}
