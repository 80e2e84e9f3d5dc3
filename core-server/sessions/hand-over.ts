import type { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { hasNot, isElsewhere } from '../messages/holders.js';
import type { Hooks } from '../routing/hooks.js';
import { heldOrigin, localOrigin, type Origin } from '../routing/origin.js';
import type { Router } from '../routing/router.js';
import { giveWay, type Patient, sliceMilliseconds } from '../streams/turns.js';
import type { AccountState } from './account-state.js';
import type { Session } from './session.js';

/** Stores or refuses one stanza that a session has left, or (null) that came for the account meanwhile. */
type HandOn = (account: AccountState, stanza: Stanza, origin: Origin, session: Session | null) => void;

/** So many stanzas are handed on at once. */
const AT_ONCE = 200;

/**
 * Hands on what ended sessions have left. Tens of thousands of small stanzas may have waited for a client that does not read,
 * and many clients may be let go at once: more than a few go in the turns of their account, as the input of its
 * streams does. Messages that come for the account meanwhile have their place behind them.
 */
export class HandOver {
  readonly #router: Router;
  readonly #hooks: Hooks;
  readonly #handOn: HandOn;
  /** Characters of what comes meanwhile, for one account. */
  readonly #limit: number;
  readonly #leavings = new Map<BareJid, Leavings>();
  /** What is being handed on is not to be put behind itself. */
  #handing = false;

  constructor(options: {
    readonly hooks: Hooks;
    readonly router: Router;
    readonly limit: number;
    /** Stores or refuses one stanza. */
    readonly handOn: HandOn;
  }) {
    const { hooks, router, limit, handOn } = options;
    this.#router = router;
    this.#hooks = hooks;
    this.#limit = limit;
    this.#handOn = handOn;
    hooks.messageUndelivered.add(50, (account, message, origin) => {
      const leavings = this.#handing ? undefined : this.#leavings.get(account.bare);
      if (leavings === undefined) return undefined;
      if (leavings.later > this.#limit) {
        router.bounce(message, new StanzaError('resource-constraint'));
        return true;
      }
      leavings.add(message, heldOrigin(origin));
      return true;
    });
    // nobody is to find it in an account of the same name
    hooks.accountRemoved.on((account) => {
      const leavings = this.#leavings.get(account);
      if (leavings !== undefined) leavings.removed = true;
    });
  }

  /** What a session of this account has not certainly got, in order. */
  take(account: AccountState, stanzas: readonly Stanza[], session: Session | null): void {
    const known = this.#leavings.get(account.bare);
    if (known === undefined && stanzas.length <= AT_ONCE) {
      for (const stanza of stanzas) this.#handOn(account, stanza, localOrigin, session);
      return;
    }
    const leavings: Leavings = known ?? new Leavings(account, (until) => this.#work(leavings, until));
    leavings.batches.push({ stanzas, session, held: null });
    if (known !== undefined) return;
    this.#leavings.set(account.bare, leavings);
    giveWay(leavings);
  }

  /** The core stops: everything at once. */
  finish(): void {
    for (const leavings of this.#leavings.values()) this.#work(leavings, Number.POSITIVE_INFINITY);
  }

  /** Hands on until a time; true when nothing is left. */
  #work(leavings: Leavings, until: number): boolean {
    const { account } = leavings;
    this.#handing = true;
    try {
      for (let next = leavings.next(); next !== undefined; next = leavings.next()) {
        const { stanza, origin, session } = next;
        if (!leavings.removed) this.#handOn(account, stanza, origin, session);
        else this.#giveBack(stanza, session);
        leavings.handed();
        if (performance.now() >= until) return false;
      }
    } finally {
      this.#handing = false;
    }
    this.#leavings.delete(account.bare);
    this.#hooks.leavingsHandedOn.emit(account, leavings.since);
    return true;
  }

  /** To its sender, once, however many resources of the account have left it. */
  #giveBack(stanza: Stanza, session: Session | null): void {
    if (session !== null) hasNot(stanza, session);
    if (!isElsewhere(stanza)) this.#router.bounce(stanza, new StanzaError('service-unavailable'));
  }
}

interface Batch {
  readonly stanzas: readonly Stanza[];
  /** Which has left them; null for one that came meanwhile. */
  readonly session: Session | null;
  /** For one that came meanwhile: its sender's session is told when it is durable. */
  readonly held: ReturnType<typeof heldOrigin> | null;
}

/** What waits to be handed on of one account. */
class Leavings implements Patient {
  readonly account: AccountState;
  readonly batches: Batch[] = [];
  /** Characters of those that came meanwhile. */
  later = 0;
  removed = false;
  readonly since = Date.now();
  #batch = 0;
  #position = 0;
  readonly #work: (until: number) => boolean;

  constructor(account: AccountState, work: (until: number) => boolean) {
    this.account = account;
    this.#work = work;
  }

  get owner(): object {
    return this.account;
  }

  add(stanza: Stanza, held: ReturnType<typeof heldOrigin>): void {
    this.later += stanza.source.length;
    this.batches.push({ stanzas: [stanza], session: null, held });
  }

  /** The next one; {@link handed} is to follow. */
  next(): { stanza: Stanza; origin: Origin; session: Session | null } | undefined {
    const batch = this.batches[this.#batch];
    const stanza = batch?.stanzas[this.#position];
    return batch && stanza && { stanza, origin: batch.held?.origin ?? localOrigin, session: batch.session };
  }

  handed(): void {
    const batch = this.batches[this.#batch];
    if (batch === undefined) return;
    if (batch.held !== null) {
      this.later -= batch.stanzas[0]?.source.length ?? 0;
      batch.held.release();
    }
    this.#position++;
    if (this.#position < batch.stanzas.length) return;
    this.batches[this.#batch++] = NOTHING;
    this.#position = 0;
  }

  proceed(): void {
    if (!this.#work(performance.now() + sliceMilliseconds())) giveWay(this);
  }
}

/** What has been handed on need not be kept. */
const NOTHING: Batch = { stanzas: [], session: null, held: null };
