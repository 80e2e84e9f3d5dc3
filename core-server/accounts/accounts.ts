import type { Logger } from '../../shared/observability/types.js';
import type { Storage } from '../../shared/storage/storage.js';
import { isBadDocument } from '../../shared/storage/walk.js';
import { type BareJid, type Domain, parseJid } from '../../shared/xmpp/jid.js';
import type { AccountDocument } from './account-document.js';
import { AccountError } from './account-error.js';
import { AccountStore, type StoredAccount } from './account-store.js';
import { DEFAULT_ITERATIONS, type KeptCredentials, MINIMUM_ITERATIONS } from './credentials.js';
import { serverSecret } from './fake-verifier.js';
import { PasswordChecks } from './password-checks.js';
import { createPasswordHasher, type PasswordHasher } from './password-hasher.js';
import { prepareStored } from './password-preparation.js';
import { isThere, type Standing, standingOf } from './standing.js';

/** What became of an account; sent when the change is durable. Sessions of its owner may have to end. */
export type AccountEvent =
  | { readonly kind: 'created' | 'disabled' | 'enabled' | 'password-changed'; readonly account: BareJid }
  | { readonly kind: 'removed'; readonly account: BareJid; readonly pending: readonly string[] }
  | { readonly kind: 'released'; readonly account: BareJid };

/** One line of `user list`. */
interface AccountSummary {
  readonly account: BareJid;
  readonly state: 'active' | 'disabled' | 'removed';
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** A removed account whose old data is not all gone. */
interface Tombstone {
  readonly account: BareJid;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** What has not confirmed yet that it holds nothing of the account any more. */
  readonly pending: readonly string[];
}

export interface AccountsOptions {
  readonly storage: Storage;
  /** The domains that may have accounts. */
  readonly domains: readonly Domain[];
  readonly kept: KeptCredentials;
  readonly log: Logger;
  /** PBKDF2 rounds of new passwords, 4096 or more. */
  readonly iterations?: number;
  readonly hasher?: PasswordHasher;
  /** Accounts kept in memory. */
  readonly cacheSize?: number;
  readonly now?: () => number;
}

/** The accounts of this server: the one authority on who exists and who may log in. */
export class Accounts {
  /** Who knows which password. */
  readonly passwords: PasswordChecks;
  readonly #store: AccountStore;
  readonly #domains: ReadonlySet<string>;
  readonly #log: Logger;
  readonly #now: () => number;
  /** Accounts of which it has been said that they cannot be read. */
  readonly #unreadable = new Set<BareJid>();
  readonly #listeners = new Set<(event: AccountEvent) => void>();

  private constructor(options: AccountsOptions, secret: Buffer) {
    this.#store = new AccountStore(options.storage, options.cacheSize ?? 10_000);
    this.passwords = new PasswordChecks({
      store: this.#store,
      kept: options.kept,
      hasher: options.hasher ?? createPasswordHasher(),
      iterations: Math.max(options.iterations ?? DEFAULT_ITERATIONS, MINIMUM_ITERATIONS),
      secret,
      log: options.log,
    });
    this.#domains = new Set(options.domains);
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
  }

  /** Opens the accounts of a store; makes this server's secret for fake salts if it has none yet. */
  static async open(options: AccountsOptions): Promise<Accounts> {
    return new Accounts(options, await serverSecret(options.storage, 'fake-salt'));
  }

  /** Calls `listener` after each change; returns how to stop that. */
  subscribe(listener: (event: AccountEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether there is such an account (also a disabled one, not a removed one), `'async'` if that takes a read. */
  existsSync(account: BareJid): boolean | 'async' {
    const stored = this.#store.readSync(account);
    return stored === 'async' ? 'async' : isThere(stored);
  }

  async exists(account: BareJid): Promise<boolean> {
    return isThere(await this.#store.read(account));
  }

  async standing(account: BareJid): Promise<Standing> {
    return standingOf(await this.#store.read(account));
  }

  /** Every account, in ascending order of its JID; those of one domain if one is given. */
  /** Whether a domain may have accounts. */
  hosts(domain: Domain): boolean {
    return this.#domains.has(domain);
  }

  async *list(domain?: Domain): AsyncIterable<AccountSummary> {
    for await (const owner of this.#store.owners()) {
      const address = parseJid(owner);
      if (!address || (domain !== undefined && address.domain !== domain)) continue;
      const stored = await this.#readable(address.bare);
      if (!stored) continue;
      yield { account: address.bare, state: stored.document.state, created: stored.document.created };
    }
  }

  /** Null also for an account whose document cannot be read: it is said once, and costs the others nothing. */
  async #readable(account: BareJid): Promise<StoredAccount | null> {
    try {
      return await this.#store.read(account);
    } catch (error) {
      if (!isBadDocument(error)) throw error;
      if (!this.#unreadable.has(account)) {
        this.#unreadable.add(account);
        this.#log.error(
          { code: 'storage.account-unreadable', account, error },
          'an account could not be read and is left out',
        );
      }
      return null;
    }
  }

  /**
   * Makes an account. Rejects with an {@link AccountError}; a name whose old data is not gone is given away only
   * with `force`.
   */
  async create(
    account: BareJid,
    password: string,
    options: { readonly force?: boolean } = {},
  ): Promise<void> {
    this.#checkName(account);
    const prepared = preparedPassword(password);
    await this.#store.update(account, async (current) => {
      if (isThere(current)) throw new AccountError('exists', `${account} exists already`);
      if (current && options.force !== true) {
        throw new AccountError('name-blocked', `${account} was removed, and its data is not all gone yet`);
      }
      const now = this.#now();
      const credentials = await this.passwords.derive(account, prepared);
      return { state: 'active', created: now, passwordChanged: now, ...credentials };
    });
    this.#emit({ kind: 'created', account });
  }

  /** Changes the password; rejects with `not-found` or `invalid-password`. Ends a forced expiry. */
  async setPassword(account: BareJid, password: string): Promise<void> {
    const prepared = preparedPassword(password);
    await this.#store.update(account, async (current) => {
      const { state, created } = this.#present(account, current).document;
      return {
        state,
        created,
        passwordChanged: this.#now(),
        ...(await this.passwords.derive(account, prepared)),
      };
    });
    this.#emit({ kind: 'password-changed', account });
  }

  /** Refuses further log-ins with `account-disabled`. */
  async disable(account: BareJid): Promise<void> {
    await this.#change(account, (document) => ({ ...document, state: 'disabled' }));
    this.#emit({ kind: 'disabled', account });
  }

  async enable(account: BareJid): Promise<void> {
    await this.#change(account, (document) => ({ ...document, state: 'active' }));
    this.#emit({ kind: 'enabled', account });
  }

  /** Refuses further log-ins with `credentials-expired` until a new password is set. */
  async expirePassword(account: BareJid): Promise<void> {
    await this.#change(account, (document) => ({ ...document, expired: true }));
  }

  /**
   * Removes an account: its credentials at once; its name stays blocked until everything in `pending` has
   * confirmed with {@link confirmCleaned} that it holds nothing of it any more.
   */
  async remove(account: BareJid, pending: readonly string[]): Promise<void> {
    await this.#store.update(account, (current) => {
      const { document } = this.#present(account, current);
      if (pending.length === 0) return 'delete';
      return {
        state: 'removed',
        created: document.created,
        passwordChanged: document.passwordChanged,
        scram: {},
        tombstone: { since: this.#now(), pending: [...new Set(pending)] },
      };
    });
    this.#emit({ kind: 'removed', account, pending });
    if (pending.length === 0) this.#emit({ kind: 'released', account });
  }

  /** What still has to be cleaned, for instance after a restart. */
  async *tombstones(): AsyncIterable<Tombstone> {
    for await (const { account, state } of this.list()) {
      if (state !== 'removed') continue;
      const tombstone = await this.tombstone(account);
      if (tombstone) yield tombstone;
    }
  }

  async tombstone(account: BareJid): Promise<Tombstone | undefined> {
    const stored = await this.#store.read(account);
    const tombstone = stored?.document.tombstone;
    return tombstone && { account, since: tombstone.since, pending: tombstone.pending };
  }

  /** `what` holds nothing of the removed account any more; resolves with whether the name is free now. */
  async confirmCleaned(account: BareJid, what: string): Promise<boolean> {
    let released = false;
    await this.#store.update(account, (current) => {
      const tombstone = current?.document.tombstone;
      if (!current || !tombstone?.pending.includes(what)) return 'keep';
      const pending = tombstone.pending.filter((each) => each !== what);
      released = pending.length === 0;
      if (released) return 'delete';
      return { ...current.document, tombstone: { since: tombstone.since, pending } };
    });
    if (released) this.#emit({ kind: 'released', account });
    return released || !(await this.tombstone(account));
  }

  /** Frees the name of a removed account although something may still hold data of it. */
  async release(account: BareJid): Promise<void> {
    await this.#store.update(account, (current) => {
      if (current?.document.state !== 'removed') {
        throw new AccountError('not-found', `${account} is no removed account`);
      }
      return 'delete';
    });
    this.#emit({ kind: 'released', account });
  }

  /** Forgets what is cached of one account or of all, after the store was changed by another process. */
  forget(account?: BareJid): void {
    this.#store.forget(account);
  }

  async #change(account: BareJid, change: (document: AccountDocument) => AccountDocument): Promise<void> {
    await this.#store.update(account, (current) => change(this.#present(account, current).document));
  }

  #present(account: BareJid, current: StoredAccount | null): StoredAccount {
    if (!isThere(current)) throw new AccountError('not-found', `${account} does not exist`);
    return current;
  }

  #checkName(account: BareJid): void {
    const address = parseJid(account);
    if (!address?.isBare || address.local === '' || address.bare !== account) {
      throw new AccountError('invalid-name', `${JSON.stringify(account)} is not the address of a user`);
    }
    if (!this.hosts(address.domain)) {
      throw new AccountError('unknown-domain', `${address.domain} is not a domain of this server`);
    }
  }

  #emit(event: AccountEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        const { kind, account } = event;
        this.#log.error({ code: 'accounts.listener-failed', kind, account, error }, 'a listener failed');
      }
    }
  }
}

function preparedPassword(password: string): string {
  const prepared = prepareStored(password);
  if (prepared === null) {
    throw new AccountError(
      'invalid-password',
      'the password is empty or has characters that SASLprep refuses',
    );
  }
  return prepared;
}
