import { stanzaErrorOf } from '../../../shared/entity/failure.js';
import type { Counter } from '../../../shared/observability/types.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import type { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Core } from '../../core.js';
import type { Origin } from '../../routing/origin.js';
import type { AccountState } from '../../sessions/account-state.js';
import { holdersOf, isElsewhere, isStored, noteStored } from '../holders.js';
import type { Flood } from './flood.js';
import { ACCOUNT_GONE, type OfflineStore, STORE_FULL } from './offline-store.js';
import type { SeenBy } from './seen-by.js';
import { stamped } from './stored-message.js';
import type { Unfinished } from './unfinished.js';

/** Stores messages that nobody is there for, or answers their senders with why not. */
export class Storing {
  readonly #core: Core;
  readonly #store: OfflineStore;
  readonly #seen: SeenBy;
  readonly #unfinished: Unfinished;
  readonly #flood: Flood;
  readonly #stored: Counter;
  readonly #refused: Counter;

  constructor(core: Core, store: OfflineStore, seen: SeenBy, unfinished: Unfinished, flood: Flood) {
    this.#core = core;
    this.#store = store;
    this.#seen = seen;
    this.#unfinished = unfinished;
    this.#flood = flood;
    this.#stored = core.metrics.counter('offline_stored_total', 'Messages stored for offline accounts');
    this.#refused = core.metrics.counter(
      'offline_refused_total',
      'Messages refused because the store of an account is full',
    );
  }

  /** Holds the sender's acknowledgement until the message is durable, or refused. */
  store(account: AccountState, message: Stanza, origin: Origin): void {
    // a flood is refused at little cost
    if (this.#store.isFull(account, message.source.length)) return this.refuseFull(message);
    this.#flood.leave(account, message);
    if (isStored(message)) return;
    noteStored(message);
    const release = origin.hold();
    const text = stamped(message, account.bare, account.jid.domain);
    const storing = this.#store
      .append(account, text)
      .then(
        ({ id }) => {
          this.#stored.inc();
          this.#seen.note(account, id, message);
          this.#flood.offer(account, message);
        },
        (error: unknown) => this.notStored(message, error),
      )
      .finally(release);
    // nobody is to be given it before it is known who has it
    this.#unfinished.add(storing, holdersOf(message) === undefined ? undefined : account);
  }

  /** Tells the operator where that is of interest, and the sender where nobody else has it. */
  notStored(message: Stanza, error: unknown): void {
    this.noteFailure(error);
    this.refuse(message, stanzaErrorOf(error));
  }

  noteFailure(error: unknown): void {
    if (error === STORE_FULL) this.#refused.inc();
    else if (error !== ACCOUNT_GONE)
      this.#core.log.error({ code: 'storage.offline-unwritable', error }, 'a message could not be stored');
  }

  refuseFull(message: Stanza): void {
    this.#refused.inc();
    this.refuse(message, STORE_FULL);
  }

  refuse(message: Stanza, error: StanzaError): void {
    if (!isElsewhere(message)) this.#core.router.bounce(message, error);
  }
}
