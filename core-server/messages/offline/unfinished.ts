import type { AccountState } from '../../sessions/account-state.js';

/** Messages on their way into the store. */
export class Unfinished {
  readonly #all = new Set<Promise<void>>();
  /** Those that nobody is to be given before it is known who has them, or waits for them. */
  readonly #ofAccounts = new WeakMap<AccountState, Set<Promise<void>>>();

  /** `storing` never rejects. With an account, {@link of} waits for it. */
  add(storing: Promise<void>, account?: AccountState): void {
    const ofAccount = account === undefined ? undefined : this.#of(account);
    this.#all.add(storing);
    ofAccount?.add(storing);
    void storing.then(() => {
      this.#all.delete(storing);
      ofAccount?.delete(storing);
    });
  }

  /** Resolves when those of an account that are under way now are stored, or could not be. */
  async of(account: AccountState): Promise<void> {
    await Promise.all(this.#ofAccounts.get(account) ?? []);
  }

  /** The same, of all accounts. */
  async all(): Promise<void> {
    await Promise.all(this.#all);
  }

  #of(account: AccountState): Set<Promise<void>> {
    const all = this.#ofAccounts.get(account) ?? new Set<Promise<void>>();
    this.#ofAccounts.set(account, all);
    return all;
  }
}
