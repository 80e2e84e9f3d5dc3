import type { Stanza } from '../../shared/xml/stanza.js';
import { stanzaErrorOf } from '../../shared/xmpp/failure.js';
import type { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { localOrigin, type Origin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { giveWay, type Patient } from '../streams/turns.js';
import { isCopy } from './carbon-copy.js';
import { isStored } from './holders.js';
import type { Handed, OfflineStore } from './offline-store.js';
import type { SeenBy } from './seen-by.js';
import { stamped, worthStoring } from './stored-message.js';
import type { WaitingMessages } from './waiting-messages.js';

/** So many of what waits for a client that has lost its stream are stored in one turn. */
const KEPT_AT_ONCE = 100;

/** What is known of stored messages, and done with them, by whoever hands them over. */
interface StoredMessages {
  readonly core: Core;
  readonly messages: OfflineStore;
  readonly seen: SeenBy;
  /** Messages handed to a session from the store, and whether that session ended without having received them. */
  readonly fromStore: WeakMap<Stanza, boolean>;
  /** Sessions that may have such messages in their queues. */
  readonly given: WeakSet<Session>;
  /** Sessions that are being given stored messages. */
  readonly flooding: WeakMap<Session, WaitingMessages>;
  /** Stored messages that wait in the queue of a session without a stream, by their ids; those being stored. */
  readonly kept: WeakMap<AccountState, Set<number>>;
  /** Of those, what was removed while stored messages are on their way to a session. */
  readonly removedMeanwhile: WeakMap<AccountState, Set<number>>;
  /** Of an account, what is on its way into the store; of all, what a core that stops waits for. */
  wayOf(account: AccountState): Set<Promise<void>>;
  readonly unfinished: Set<Promise<unknown>>;
  notStored(error: unknown): void;
  refuse(message: Stanza, error: StanzaError): void;
  refuseFull(message: Stanza): void;
  /** Gives one that nobody has to who is there. */
  offer(account: AccountState, message: Stanza): void;
  remove(session: Session, handed: readonly Handed[]): Promise<void>;
}

/**
 * Stores messages that wait in memory for a client that may come back (XEP-0198), or may not, or that is still being given
 * stored ones: their senders have been told that they are handled, and the core may die before. They are removed when the
 * client has acknowledged them. A full store does not keep them out: there are never more of them than may wait for a client.
 */
export class KeptMessages {
  readonly #stored: StoredMessages;
  readonly #limit: number;
  /** What waited for a session when it lost its stream. */
  readonly #hibernating = new WeakMap<Session, readonly Stanza[]>();

  constructor(stored: StoredMessages) {
    this.#stored = stored;
    this.#limit = stored.core.settings.LIMIT_OFFLINE_MESSAGES;
  }

  /** {@link keep} for all that waits for a session that has lost its stream: in turns, since it may be very much. */
  keepAll(session: Session): void {
    const { account } = session;
    const behindStored = this.#stored.flooding.get(session)?.stanzas ?? [];
    const waiting = [...session.outbound.all(), ...behindStored].filter(
      (stanza) => stanza.name === 'message' && !isCopy(stanza, account),
    );
    this.#hibernating.set(session, waiting);
    let next = 0;
    const patient: Patient = {
      owner: account,
      proceed: () => {
        // once it is resumed, or has ended, others answer for the rest
        if (session.stream !== null || session.ended || this.#hibernating.get(session) !== waiting) return;
        this.keep(session, waiting.slice(next, next + KEPT_AT_ONCE), localOrigin);
        next += KEPT_AT_ONCE;
        if (next < waiting.length) giveWay(patient);
      },
    };
    patient.proceed();
  }

  /** Stores what waits for a session and is not stored yet; holds their sender's acknowledgement until it is durable. */
  keep(session: Session, some: readonly Stanza[], origin: Origin): void {
    if (this.#limit === 0) return;
    const { fromStore, given, flooding, kept, unfinished } = this.#stored;
    const { account } = session;
    const fresh = some.filter(
      (message) => !fromStore.has(message) && !isStored(message) && worthStoring(message),
    );
    if (fresh.length === 0) return;
    const release = origin.hold();
    const ids = kept.get(account) ?? new Set<number>();
    kept.set(account, ids);
    given.add(session);
    const received = flooding.get(session)?.over.then(() => session.delivered()) ?? session.delivered();
    const safe = Promise.all(fresh.map((message) => this.#store(account, message, ids))).then((entries) => {
      release();
      const there = entries.filter((entry) => entry !== null);
      void received.then(() => this.#finish(session, there, ids));
    });
    const all = this.#stored.wayOf(account).add(safe);
    unfinished.add(safe);
    void safe.finally(() => {
      all.delete(safe);
      unfinished.delete(safe);
    });
  }

  /** Null where it could not be stored. */
  async #store(account: AccountState, message: Stanza, ids: Set<number>): Promise<Handed | null> {
    const { messages, fromStore } = this.#stored;
    fromStore.set(message, false);
    try {
      const text = stamped(message, account.bare, account.jid.domain);
      const entry = { ...(await messages.append(account, text, true)), message };
      ids.add(entry.id);
      return entry;
    } catch (error) {
      this.#stored.notStored(error);
      // it is as safe as memory is; who has been told that it is stored must hear that it is not
      if (fromStore.get(message) === true) this.#stored.refuse(message, stanzaErrorOf(error));
      else fromStore.delete(message);
      return null;
    }
  }

  /** The session has received what was kept for it, or has ended: then it is for whoever is there. */
  async #finish(session: Session, handed: readonly Handed[], ids: Set<number>): Promise<void> {
    const { core, messages, seen, fromStore, removedMeanwhile } = this.#stored;
    const { account } = session;
    const left = new Set(handed.filter(({ message }) => fromStore.get(message) === true));
    const removals: Promise<void>[] = [];
    // the last of them go where a flood would have gone at once
    for (const entry of [...left].reverse()) {
      if (!entry.beyond || !messages.exceeded(account)) continue;
      left.delete(entry);
      removals.push(messages.remove(account, [entry]));
      this.#stored.refuseFull(entry.message);
    }
    for (const { id, message } of left) {
      seen.note(account, id, message);
      ids.delete(id);
      this.#stored.offer(account, message);
    }
    try {
      await Promise.all([this.#stored.remove(session, handed), ...removals]);
    } catch (error) {
      core.log.error({ code: 'storage.offline-unwritable', error }, 'stored messages could not be removed');
    }
    // until it is removed nobody else is to be given it, nor by whoever has read the store before that
    for (const entry of handed) {
      ids.delete(entry.id);
      if (!left.has(entry)) removedMeanwhile.get(account)?.add(entry.id);
    }
  }
}
