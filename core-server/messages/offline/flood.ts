import { Stanza } from '../../../shared/xml/stanza.js';
import type { Core } from '../../core.js';
import { verdictOf } from '../../privacy/verdict.js';
import type { AccountState } from '../../sessions/account-state.js';
import type { Session } from '../../sessions/session.js';
import { isHad } from '../holders.js';
import { foremost, takesMessages } from '../takes-messages.js';
import type { HandedMessages } from './handed-messages.js';
import { type Handed, type OfflineStore, PAGE } from './offline-store.js';
import type { SeenBy } from './seen-by.js';
import type { Unfinished } from './unfinished.js';
import { WaitingMessages } from './waiting-messages.js';

/** More than this in the session's queue waits for the client before the next message is read from the store. */
const WINDOW_BYTES = 512 * 1024;

/** Stored messages of an account on their way to a session. */
interface Flooding {
  readonly session: Session;
  /**
   * Who is to get them next: it came, or something was stored that it may have, meanwhile. Where `session` had ended
   * before that, what comes for the next one goes behind them already.
   */
  next: Session | undefined;
  /** What was removed from the store meanwhile. */
  readonly removed: Set<number>;
}

/** Gives sessions the stored messages of their account, in order and ahead of what comes meanwhile. */
export class Flood {
  readonly #core: Core;
  readonly #store: OfflineStore;
  readonly #handed: HandedMessages;
  readonly #seen: SeenBy;
  readonly #unfinished: Unfinished;
  readonly #window: number;
  readonly #floodings = new WeakMap<AccountState, Flooding>();
  readonly #behind = new WeakMap<Session, WaitingMessages>();
  /** Accounts of which a session that is ending leaves what nobody has. */
  readonly #unclaimed = new WeakSet<AccountState>();

  constructor(core: Core, store: OfflineStore, handed: HandedMessages, seen: SeenBy, unfinished: Unfinished) {
    this.#core = core;
    this.#store = store;
    this.#handed = handed;
    this.#seen = seen;
    this.#unfinished = unfinished;
    // never so much that the session would be ended for not reading it
    this.#window = Math.min(WINDOW_BYTES, core.settings.LIMIT_OUTBOUND_BYTES / 2);
  }

  /** Gives a session what is stored, one session of an account at a time ("delivered once"). */
  async give(session: Session): Promise<void> {
    const { account } = session;
    const earlier = this.#floodings.get(account);
    if (earlier !== undefined) return this.#giveAfter(earlier, session);
    const flooding: Flooding = { session, next: undefined, removed: new Set() };
    this.#floodings.set(account, flooding);
    this.#handed.noteSession(session);
    this.#putBehind(session);
    try {
      await this.#giveAll(flooding);
    } catch (error) {
      this.#core.log.error(
        { code: 'storage.offline-unreadable', error },
        'stored messages could not be delivered',
      );
    } finally {
      this.#letGo(session);
      this.#floodings.delete(account);
      // it left in the middle: the rest is for whoever is there
      const next =
        flooding.next ?? (takesMessages(session) ? undefined : account.sessions.find(takesMessages));
      if (next !== undefined) void this.give(next);
    }
  }

  /** Offers one that nobody has: it is not kept from others who are there and had no copy (XEP-0198 §5). */
  offer(account: AccountState, message: Stanza): void {
    if (isHad(message)) return;
    const there = foremost(account);
    if (there !== undefined) void this.give(there);
  }

  /** A session that is ending leaves one that nobody else may have: {@link sessionEnded}, {@link handedOn} see to it. */
  leave(account: AccountState, message: Stanza): void {
    if (!isHad(message)) this.#unclaimed.add(account);
  }

  /** What comes for a session that is being given stored messages; undefined for others. */
  behind(session: Session): WaitingMessages | undefined {
    return this.#behind.get(session);
  }

  /** Puts a message behind the stored ones; false where the session is given none. */
  putBehind(session: Session, message: Stanza): boolean {
    const waiting = this.#behind.get(session);
    if (waiting === undefined) return false;
    waiting.stanzas.push(message);
    waiting.bytes += message.source.length;
    // it does not acknowledge the stored ones: all this is handed on as soon as the end is seen
    if (waiting.bytes > this.#core.settings.LIMIT_OUTBOUND_BYTES) {
      if (session.stream === null) this.#core.sessions.end(session);
      else session.stream.fail('resource-constraint', 'the client does not acknowledge what it is sent');
    }
    return true;
  }

  /** What comes for the next session has its place behind what this one leaves, from now on. */
  sessionEnded(session: Session): void {
    const { account } = session;
    const claimant = this.#claimant(account);
    const flooding = this.#floodings.get(account);
    if (flooding?.session !== session) {
      if (claimant !== undefined) void this.give(claimant);
      return;
    }
    const { next } = flooding;
    const heir = next !== undefined && takesMessages(next) ? next : account.sessions.find(takesMessages);
    if (heir !== undefined) this.#giveAfter(flooding, heir);
  }

  /** Who came while something was handed on has not seen it; what nobody has is for who is there. */
  handedOn(account: AccountState, since: number): void {
    const came = (session: Session) => session.since >= since && takesMessages(session);
    const claimant = this.#claimant(account);
    const there = this.#core.directory.peek(account.jid)?.sessions.find(came) ?? claimant;
    if (there !== undefined) void this.#unfinished.all().then(() => this.give(there));
  }

  /** It is no longer stored: who has read the store before that is not to give it either. */
  removed(account: AccountState, id: number): void {
    this.#floodings.get(account)?.removed.add(id);
  }

  /** Who is to have what was left and nobody has, where there is such. */
  #claimant(account: AccountState): Session | undefined {
    return this.#unclaimed.delete(account) ? foremost(account) : undefined;
  }

  #giveAfter(flooding: Flooding, session: Session): void {
    const { next } = flooding;
    if (next === undefined || next.ended) {
      if (next !== undefined) this.#letGo(next);
      flooding.next = session;
    }
    if (flooding.session.ended && flooding.next === session) this.#putBehind(session);
  }

  async #giveAll({ session, removed }: Flooding): Promise<void> {
    const { account } = session;
    for (let after = 0; takesMessages(session); ) {
      const page = await this.#store.page(account, after);
      await this.#unfinished.of(account);
      const handed: Handed[] = [];
      for (const entry of page) {
        // it ended while it was waited for: the rest stays stored
        if (!takesMessages(session)) break;
        after = entry.id;
        if (removed.has(entry.id) || !this.#isFor(session, entry.id)) continue;
        const message = Stanza.parse(entry.value.text);
        // blocked since it was stored (XEP-0191 §3.3): kept, since another list or none may apply another time
        if (verdictOf(account, session, 'in', 'message', message.fromJid) !== 'allow') continue;
        this.#handed.note(message);
        session.enqueue(message);
        handed.push({ id: entry.id, message, size: entry.value.text.length, beyond: false });
        if (session.outbound.bytes > this.#window) await session.delivered();
      }
      const last = page.length < PAGE;
      // what came meanwhile has its place behind them; it does not wait for their acknowledgement
      if (last) this.#letGo(session);
      if (handed.length > 0) {
        this.#core.streamManagement.of(session)?.ask();
        await session.delivered();
        await this.#handed.removeReceived(session, handed);
      }
      if (last) break;
    }
  }

  /** Neither waits for another session of the account, nor has been seen by this one. */
  #isFor(session: Session, id: number): boolean {
    return !this.#handed.isWaiting(session.account, id) && !this.#seen.has(session, id);
  }

  #putBehind(session: Session): void {
    if (!this.#behind.has(session)) this.#behind.set(session, new WaitingMessages());
  }

  #letGo(session: Session): void {
    const waiting = this.#behind.get(session);
    this.#behind.delete(session);
    const stanzas = waiting?.stanzas ?? [];
    if (session.ended) this.#core.sessions.handOn(session, stanzas);
    else for (const stanza of stanzas) session.deliver(stanza);
    waiting?.letGo();
  }
}
