import type { Counter } from '../../../shared/observability/types.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import type { AccountState } from '../../sessions/account-state.js';
import type { Session } from '../../sessions/session.js';
import type { Handed, OfflineStore } from './offline-store.js';
import type { SeenBy } from './seen-by.js';

/** Messages that are in the queue of a session and still stored, until its client has certainly received them. */
export class HandedMessages {
  readonly #store: OfflineStore;
  readonly #seen: SeenBy;
  readonly #delivered: Counter;
  /** Each of them, and whether its session ended without having received it. */
  readonly #left = new WeakMap<Stanza, boolean>();
  /** Sessions that may have such messages in their queues. */
  readonly #sessions = new WeakSet<Session>();
  /** The ids of those that wait for a session without a stream, or behind what one is being given. */
  readonly #waiting = new WeakMap<AccountState, Set<number>>();

  constructor(store: OfflineStore, seen: SeenBy, delivered: Counter) {
    this.#store = store;
    this.#seen = seen;
    this.#delivered = delivered;
  }

  /** A session may from now on have such messages in its queue. */
  noteSession(session: Session): void {
    this.#sessions.add(session);
  }

  note(message: Stanza): void {
    this.#left.set(message, false);
  }

  has(message: Stanza): boolean {
    return this.#left.has(message);
  }

  /** It is no longer stored. */
  forget(message: Stanza): void {
    this.#left.delete(message);
  }

  noteLeft(message: Stanza): void {
    this.#left.set(message, true);
  }

  /** Its session ended without having received it. */
  isLeft(message: Stanza): boolean {
    return this.#left.get(message) === true;
  }

  /** A session leaves these: some of it may be handed on later, and that they are still stored must be known now. */
  noteAllLeft(session: Session, stanzas: Iterable<Stanza>): void {
    if (!this.#sessions.has(session)) return;
    for (const stanza of stanzas) if (this.#left.has(stanza)) this.#left.set(stanza, true);
  }

  /** The ids, to be kept up to date, of what waits for one session of the account and is not for another. */
  waitingOf(account: AccountState): Set<number> {
    const ids = this.#waiting.get(account) ?? new Set<number>();
    this.#waiting.set(account, ids);
    return ids;
  }

  isWaiting(account: AccountState, id: number): boolean {
    return this.#waiting.get(account)?.has(id) === true;
  }

  /** Removes what the client has certainly received: acknowledged (XEP-0198), or without that written to the socket. */
  async removeReceived(session: Session, handed: readonly Handed[]): Promise<void> {
    const received = !session.ended
      ? handed
      : session.outbound.keeping
        ? handed.filter(({ message }) => !this.isLeft(message))
        : [];
    // should one still wait behind others after all, it is no longer stored, and is to be again
    for (const { message } of received) this.forget(message);
    this.#seen.forget(session.account, received);
    await this.#store.remove(session.account, received);
    this.#delivered.inc(received.length);
  }
}
