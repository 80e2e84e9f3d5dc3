import type { Stanza } from '../../../shared/xml/stanza.js';
import type { Core } from '../../core.js';
import { localOrigin, type Origin } from '../../routing/origin.js';
import type { AccountState } from '../../sessions/account-state.js';
import type { Session } from '../../sessions/session.js';
import { giveWay, type Patient } from '../../streams/turns.js';
import { isCopy } from '../carbon-copy.js';
import { isStored } from '../holders.js';
import type { Flood } from './flood.js';
import type { HandedMessages } from './handed-messages.js';
import type { Handed, OfflineStore } from './offline-store.js';
import type { SeenBy } from './seen-by.js';
import { stamped, worthStoring } from './stored-message.js';
import type { Storing } from './storing.js';
import type { Unfinished } from './unfinished.js';

/** So many of what waits for a client that has lost its stream are stored in one turn. */
const KEPT_AT_ONCE = 100;

interface KeptMessagesParts {
  readonly core: Core;
  readonly store: OfflineStore;
  readonly handed: HandedMessages;
  readonly seen: SeenBy;
  readonly unfinished: Unfinished;
  readonly flood: Flood;
  readonly storing: Storing;
}

/**
 * Stores messages that wait in memory for a client that may come back (XEP-0198), or may not, or that is still being given
 * stored ones: their senders have been told that they are handled, and the core may die before. They are removed when the
 * client has acknowledged them. A full store does not keep them out: there are never more of them than may wait for a client.
 */
export class KeptMessages {
  readonly #parts: KeptMessagesParts;
  readonly #limit: number;
  /** What waited for a session when it lost its stream. */
  readonly #hibernating = new WeakMap<Session, readonly Stanza[]>();

  constructor(parts: KeptMessagesParts) {
    this.#parts = parts;
    this.#limit = parts.core.settings.LIMIT_OFFLINE_MESSAGES;
  }

  /** {@link keep} for all that waits for a session that has lost its stream: in turns, since it may be very much. */
  keepAll(session: Session): void {
    const { account } = session;
    const behindStored = this.#parts.flood.behind(session)?.stanzas ?? [];
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
    const { handed, flood, unfinished } = this.#parts;
    const { account } = session;
    const fresh = some.filter(
      (message) => !handed.has(message) && !isStored(message) && worthStoring(message),
    );
    if (fresh.length === 0) return;
    const release = origin.hold();
    const ids = handed.waitingOf(account);
    handed.noteSession(session);
    const received = flood.behind(session)?.over.then(() => session.delivered()) ?? session.delivered();
    const safe = Promise.all(fresh.map((message) => this.#store(account, message, ids))).then((entries) => {
      release();
      const there = entries.filter((entry) => entry !== null);
      void received.then(() => this.#finish(session, there, ids));
    });
    unfinished.add(safe, account);
  }

  /** Null where it could not be stored. */
  async #store(account: AccountState, message: Stanza, ids: Set<number>): Promise<Handed | null> {
    const { store, handed, storing } = this.#parts;
    handed.note(message);
    try {
      const text = stamped(message, account.bare, account.jid.domain);
      const entry = { ...(await store.append(account, text, true)), message };
      ids.add(entry.id);
      return entry;
    } catch (error) {
      // it is as safe as memory is; who has been told that it is stored must hear that it is not
      if (handed.isLeft(message)) storing.notStored(message, error);
      else {
        storing.noteFailure(error);
        handed.forget(message);
      }
      return null;
    }
  }

  /** The session has received what was kept for it, or has ended: then it is for whoever is there. */
  async #finish(session: Session, entries: readonly Handed[], ids: Set<number>): Promise<void> {
    const { core, store, handed, seen, flood, storing } = this.#parts;
    const { account } = session;
    const left = new Set(entries.filter(({ message }) => handed.isLeft(message)));
    const removals: Promise<void>[] = [];
    // the last of them go where a flood would have gone at once
    for (const entry of [...left].reverse()) {
      if (!entry.beyond || !store.exceeded(account)) continue;
      left.delete(entry);
      removals.push(store.remove(account, [entry]));
      storing.refuseFull(entry.message);
    }
    for (const { id, message } of left) {
      seen.note(account, id, message);
      ids.delete(id);
      flood.offer(account, message);
    }
    try {
      await Promise.all([handed.removeReceived(session, entries), ...removals]);
    } catch (error) {
      core.log.error({ code: 'storage.offline-unwritable', error }, 'stored messages could not be removed');
    }
    // until it is removed nobody else is to be given it, nor by whoever has read the store before that
    for (const entry of entries) {
      ids.delete(entry.id);
      if (!left.has(entry)) flood.removed(account, entry.id);
    }
  }
}
