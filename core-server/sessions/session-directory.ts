import type { Logger } from '../../shared/observability/types.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { AccountState } from './account-state.js';

/** Loads one part of an account (roster, rules, …). A promise only where the storage cannot answer at once. */
type AccountLoader = (account: AccountState) => Promise<void> | undefined;

/**
 * Finds accounts and, in them, sessions. Everything that concerns an account passes here, in order: a clustered core
 * would find a session on another node behind the same calls.
 */
export interface SessionDirectory {
  /**
   * Calls `use` with the loaded account: at once when it is in memory or the storage answers at once, else after
   * loading and in the order of the calls. `failed` is called instead when the storage cannot be read.
   */
  with(jid: Jid, use: (account: AccountState) => void, failed: (error: unknown) => void): void;
  /** The account if it is in memory now. */
  peek(jid: Jid): AccountState | undefined;
  /** All accounts that have sessions here. */
  online(): Iterable<AccountState>;
  /** Registers a loader; before the first `with`. */
  part(loader: AccountLoader): void;
  /** The account was made or removed: what is in memory must not say otherwise. */
  setExists(jid: Jid, exists: boolean): void;
}

interface Loading {
  /** The account was made or removed while it was loaded: what was read may be of before. */
  outdated: boolean;
  readonly waiting: { use: (account: AccountState) => void; failed: (error: unknown) => void }[];
}

/** {@link SessionDirectory} for one process. */
export class LocalSessionDirectory implements SessionDirectory {
  readonly #accounts = new Map<string, AccountState>();
  readonly #loading = new Map<string, Loading>();
  readonly #loaders: AccountLoader[] = [];
  readonly #exists: (jid: Jid) => boolean | Promise<boolean>;
  readonly #idleLimit: number;
  readonly #log: Logger;

  /** `idleLimit`: how many accounts without sessions stay in memory. */
  constructor(options: { exists: (jid: Jid) => boolean | Promise<boolean>; idleLimit: number; log: Logger }) {
    this.#exists = options.exists;
    this.#idleLimit = options.idleLimit;
    this.#log = options.log;
  }

  part(loader: AccountLoader): void {
    this.#loaders.push(loader);
  }

  peek(jid: Jid): AccountState | undefined {
    return this.#accounts.get(jid.bare);
  }

  *online(): Iterable<AccountState> {
    for (const account of this.#accounts.values()) if (account.sessions.length > 0) yield account;
  }

  setExists(jid: Jid, exists: boolean): void {
    const loading = this.#loading.get(jid.bare);
    if (loading !== undefined) loading.outdated = true;
    const account = this.#accounts.get(jid.bare);
    if (account === undefined) return;
    // a removed account takes roster and rules with it, a new one has none of what "no account" was loaded with: the
    // next use loads afresh
    if (account.sessions.length === 0) this.#accounts.delete(jid.bare);
    // also for who holds it still: what is on its way into a store is not to be found by the next of this name
    if (account.sessions.length > 0 || !exists) account.exists = exists;
  }

  with(jid: Jid, use: (account: AccountState) => void, failed: (error: unknown) => void): void {
    const known = this.#accounts.get(jid.bare);
    if (known !== undefined) {
      known.lastUsed = performance.now();
      use(known);
      return;
    }
    const loading = this.#loading.get(jid.bare);
    if (loading !== undefined) {
      loading.waiting.push({ use, failed });
      return;
    }
    this.#load(jid, use, failed);
  }

  #load(jid: Jid, use: (account: AccountState) => void, failed: (error: unknown) => void): void {
    let outcome: AccountState | Promise<AccountState>;
    try {
      outcome = this.#loadParts(jid.toBare());
    } catch (error) {
      failed(error);
      return;
    }
    if (!(outcome instanceof Promise)) {
      this.#keep(outcome);
      use(outcome);
      return;
    }
    const loading: Loading = { outdated: false, waiting: [{ use, failed }] };
    this.#loading.set(jid.bare, loading);
    outcome.then(
      (account) => {
        this.#loading.delete(jid.bare);
        if (loading.outdated) {
          for (const waiter of loading.waiting) this.with(jid, waiter.use, waiter.failed);
          return;
        }
        this.#keep(account);
        for (const waiter of loading.waiting) this.#guard(() => waiter.use(account));
      },
      (error: unknown) => {
        this.#loading.delete(jid.bare);
        for (const waiter of loading.waiting) this.#guard(() => waiter.failed(error));
      },
    );
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#log.error({ code: 'core.handler-failed', error }, 'a handler failed after an account was loaded');
    }
  }

  #loadParts(jid: Jid): AccountState | Promise<AccountState> {
    const exists = this.#exists(jid);
    if (exists instanceof Promise) return exists.then((yes) => this.#loadInto(new AccountState(jid, yes)));
    return this.#loadInto(new AccountState(jid, exists));
  }

  #loadInto(account: AccountState): AccountState | Promise<AccountState> {
    if (!account.exists) return account;
    let waiting: Promise<void>[] | undefined;
    for (const loader of this.#loaders) {
      const outcome = loader(account);
      if (outcome !== undefined) {
        waiting ??= [];
        waiting.push(outcome);
      }
    }
    return waiting === undefined ? account : Promise.all(waiting).then(() => account);
  }

  #keep(account: AccountState): void {
    account.lastUsed = performance.now();
    this.#accounts.set(account.bare, account);
    if (this.#accounts.size > this.#idleLimit && this.#accounts.size % 256 === 0) this.#forgetIdle();
  }

  /** Drops the longest unused accounts without sessions until a quarter of the limit is free. */
  #forgetIdle(): void {
    const idle = [...this.#accounts.values()].filter((account) => account.sessions.length === 0);
    const surplus = idle.length - Math.floor(this.#idleLimit * 0.75);
    if (surplus <= 0) return;
    idle.sort((a, b) => a.lastUsed - b.lastUsed);
    for (const account of idle.slice(0, surplus)) this.#accounts.delete(account.bare);
  }
}
