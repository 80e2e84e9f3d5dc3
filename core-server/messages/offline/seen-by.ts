import type { Stanza } from '../../../shared/xml/stanza.js';
import type { AccountState } from '../../sessions/account-state.js';
import type { Session } from '../../sessions/session.js';
import { holdersOf } from '../holders.js';

/** Sessions that have received what is stored for another one of their account, by the ids of what is stored. */
export class SeenBy {
  readonly #seen = new WeakMap<AccountState, Map<number, WeakSet<Session>>>();

  /** It is stored for who comes, not for those who have it. */
  note(account: AccountState, id: number, message: Stanza): void {
    const had = holdersOf(message);
    if (had === undefined) return;
    const known = this.#seen.get(account) ?? new Map<number, WeakSet<Session>>();
    this.#seen.set(account, known.set(id, had));
  }

  has(session: Session, id: number): boolean {
    return this.#seen.get(session.account)?.get(id)?.has(session) === true;
  }

  /** They are no longer stored. */
  forget(account: AccountState, gone: readonly { readonly id: number }[]): void {
    const known = this.#seen.get(account);
    if (known !== undefined) for (const { id } of gone) known.delete(id);
  }
}
