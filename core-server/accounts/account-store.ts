import { forgetOldest } from '../../shared/forget-oldest.js';
import type { KeyValueCollection, Storage } from '../../shared/storage/storage.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import { ACCOUNTS, type AccountDocument, credentialsOf } from './account-document.js';
import type { Credentials } from './credentials.js';

/** An account as it is in the store. */
export interface StoredAccount {
  readonly document: AccountDocument;
  readonly credentials: Credentials;
  readonly version: number;
}

/** The accounts of the store behind a bounded cache; the writes of one account follow each other. */
export class AccountStore {
  readonly #collection: KeyValueCollection<AccountDocument>;
  readonly #cache = new Map<BareJid, StoredAccount | null>(); // in order of use, the oldest first
  readonly #cacheSize: number;
  readonly #writing = new Map<BareJid, Promise<unknown>>();
  #changes = 0;

  constructor(storage: Storage, cacheSize: number) {
    this.#collection = storage.keyval(ACCOUNTS);
    this.#cacheSize = cacheSize;
  }

  /** From the cache or a store that answers at once, else `'async'`. */
  readSync(bare: BareJid): StoredAccount | null | 'async' {
    const cached = this.#cache.get(bare);
    if (cached !== undefined) {
      this.#cache.delete(bare);
      this.#cache.set(bare, cached);
      return cached;
    }
    const found = this.#collection.getSync(bare);
    if (found === 'async') return 'async';
    return this.#remember(bare, found);
  }

  async read(bare: BareJid): Promise<StoredAccount | null> {
    const now = this.readSync(bare);
    if (now !== 'async') return now;
    const changes = this.#changes;
    const found = await this.#collection.get(bare);
    return this.#remember(bare, found, changes);
  }

  /** Runs `change` with what is stored now, after the account's earlier changes; its result is written durably. */
  async update(
    bare: BareJid,
    change: (
      current: StoredAccount | null,
    ) => AccountDocument | 'delete' | 'keep' | Promise<AccountDocument | 'delete' | 'keep'>,
  ): Promise<void> {
    const before = this.#writing.get(bare);
    const run = async () => {
      await before?.catch(() => undefined);
      const stored = await this.#collection.get(bare);
      const result = await change(stored ? withCredentials(stored.value, stored.version) : null);
      if (result === 'keep') return;
      const expect = { expect: stored?.version ?? 0 };
      this.#changes += 1;
      if (result === 'delete') await this.#collection.delete(bare, expect);
      else await this.#collection.put(bare, result, expect);
    };
    const running = run();
    this.#writing.set(bare, running);
    try {
      await running;
    } finally {
      this.#cache.delete(bare); // also after a failure: the write may have reached the store
      if (this.#writing.get(bare) === running) this.#writing.delete(bare);
    }
  }

  /** Forgets what was cached of this account, or of all: the store was changed by another process. */
  forget(bare?: BareJid): void {
    this.#changes += 1;
    if (bare === undefined) this.#cache.clear();
    else this.#cache.delete(bare);
  }

  owners(): AsyncIterable<string> {
    return this.#collection.owners();
  }

  #remember(
    bare: BareJid,
    found: { value: AccountDocument; version: number } | undefined,
    readAt = this.#changes,
  ): StoredAccount | null {
    const account = found ? withCredentials(found.value, found.version) : null;
    if (readAt !== this.#changes || this.#writing.has(bare)) return account; // it may be old already
    this.#cache.set(bare, account);
    forgetOldest(this.#cache, this.#cacheSize);
    return account;
  }
}

function withCredentials(document: AccountDocument, version: number): StoredAccount {
  return { document, credentials: credentialsOf(document), version };
}
