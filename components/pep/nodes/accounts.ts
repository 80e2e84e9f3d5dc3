import { StorageError } from '../../../shared/storage/storage.js';
import { Account } from './account.js';
import { configForm, NodeConfig, type NodeLimits } from './node-config.js';
import type { NodeStore } from './node-store.js';
import { Ownership } from './ownership.js';

/** Accounts whose nodes are kept in memory after use, and what they may weigh together (see {@link Account.weight}). */
const KEPT = 2_000;
const KEPT_WEIGHT = 100_000;
/** Of a task, where others change the same account at the same time. */
const ATTEMPTS = 5;

/** Every account's nodes, loaded when they are needed; the tasks of one account run one after the other. */
export class Accounts {
  readonly #store: NodeStore;
  readonly #limits: NodeLimits;
  readonly #defaults: NodeConfig;
  readonly #kept = new Map<string, Account>();
  /** What each kept account weighed after its last task. */
  readonly #weights = new Map<string, number>();
  #weight = 0;
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #owners = new Set<string>();
  readonly #ownership: Ownership;

  constructor(store: NodeStore, limits: NodeLimits, ownership: Ownership = new Ownership()) {
    this.#store = store;
    this.#limits = limits;
    this.#ownership = ownership;
    this.#defaults = new NodeConfig(configForm(limits), limits, {});
  }

  /** Reads who has nodes at all; again when others may have got some by another process. */
  async open(): Promise<void> {
    for await (const owner of this.#store.owners()) this.#owners.add(owner);
  }

  /** Bare JIDs of the accounts that have, or had, nodes. */
  get owners(): ReadonlySet<string> {
    return this.#owners;
  }

  get defaults(): NodeConfig {
    return this.#defaults;
  }

  /** Whether an account may have nodes: while owners move between processes nobody knows for sure. */
  mayOwn(owner: string): boolean {
    return this.#owners.has(owner) || this.#ownership.moving;
  }

  /** Forgets what other processes may have changed, or may change. */
  forgetAll(): void {
    for (const owner of [...this.#kept.keys()]) if (!this.#tails.has(owner)) this.#forget(owner);
  }

  /**
   * Runs a task with an account's nodes, after those that were given before; again where another process has changed
   * them meanwhile: a task must not have told anybody anything before its first change is stored.
   */
  with<T>(owner: string, task: (account: Account) => T | Promise<T>): Promise<T> {
    const before = this.#tails.get(owner);
    const run = async (): Promise<T> => {
      for (let attempt = 1; ; attempt++) {
        const account = this.#kept.get(owner) ?? (await this.#load(owner));
        try {
          return await task(account);
        } catch (error) {
          const conflict = error instanceof StorageError && error.code === 'conflict';
          // What was loaded is not what is stored.
          if (error instanceof StorageError) this.#forget(owner);
          if (!conflict || attempt === ATTEMPTS) throw error;
        }
      }
    };
    const result = before === undefined ? run() : before.then(run, run);
    const tail: Promise<void> = result.then(
      () => this.#done(owner, tail),
      () => this.#done(owner, tail),
    );
    this.#tails.set(owner, tail);
    return result;
  }

  /** Notes that an account has nodes now. True when that is new. */
  noteOwner(owner: string): boolean {
    if (this.#owners.has(owner)) return false;
    this.#owners.add(owner);
    return true;
  }

  async #load(owner: string): Promise<Account> {
    const known = this.#owners.has(owner) || this.#ownership.shared;
    const stored = known ? await this.#store.account(owner) : undefined;
    if (stored !== undefined) this.#owners.add(owner);
    const nodes = (stored?.value.nodes ?? []).map((node) => ({
      ...node,
      config: new NodeConfig(this.#defaults.form, this.#limits, node.config),
    }));
    const account = new Account(owner, this.#store, {
      next: stored?.value.next ?? 1,
      version: stored?.version ?? 0,
      nodes,
    });
    this.#kept.set(owner, account);
    return account;
  }

  #done(owner: string, tail: Promise<unknown>): void {
    if (this.#tails.get(owner) !== tail) return;
    this.#tails.delete(owner);
    const account = this.#kept.get(owner);
    if (account === undefined) return;
    // no cache outlives a request where another process may change what is stored
    if (!this.#ownership.keeps(owner)) return this.#forget(owner);
    const weight = account.weight;
    this.#weight += weight - (this.#weights.get(owner) ?? 0);
    this.#weights.set(owner, weight);
    // The least recently used are first in the map.
    this.#kept.delete(owner);
    this.#kept.set(owner, account);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= KEPT && this.#weight <= KEPT_WEIGHT) break;
      if (!this.#tails.has(old)) this.#forget(old);
    }
  }

  #forget(owner: string): void {
    this.#kept.delete(owner);
    this.#weight -= this.#weights.get(owner) ?? 0;
    this.#weights.delete(owner);
  }
}
