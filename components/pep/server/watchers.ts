/** Contacts at other servers → the accounts of ours with nodes that they receive presence of. */
export class Watchers {
  readonly #accounts = new Map<string, string | Set<string>>();

  add(contact: string, account: string): void {
    const known = this.#accounts.get(contact);
    if (known === undefined) this.#accounts.set(contact, account);
    else if (typeof known === 'object') known.add(account);
    else if (known !== account) this.#accounts.set(contact, new Set([known, account]));
  }

  remove(contact: string, account: string): void {
    const known = this.#accounts.get(contact);
    if (known === account) this.#accounts.delete(contact);
    else if (typeof known === 'object' && known.delete(account) && known.size === 0)
      this.#accounts.delete(contact);
  }

  /** Contacts that somebody watches. */
  get size(): number {
    return this.#accounts.size;
  }

  of(contact: string): readonly string[] {
    const known = this.#accounts.get(contact);
    if (known === undefined) return [];
    return typeof known === 'string' ? [known] : [...known];
  }

  clear(): void {
    this.#accounts.clear();
  }
}
