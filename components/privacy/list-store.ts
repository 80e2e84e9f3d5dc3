import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { CollectionDefinition, KeyValueCollection, Storage } from '../../shared/storage/storage.js';
import { type AccountLists, accountSchema, noLists } from './lists.js';

/** Lists, by bare JID. */
export const LISTS: CollectionDefinition<AccountLists> = {
  name: 'lists',
  schema: accountSchema,
  schemaVersion: 1,
};

/** The privacy lists of all accounts, and the epoch of this store. */
export class ListStore {
  /** Random; a store made anew has another one. */
  readonly epoch: string;
  readonly #accounts: KeyValueCollection<AccountLists>;

  private constructor(accounts: KeyValueCollection<AccountLists>, epoch: string) {
    this.#accounts = accounts;
    this.epoch = epoch;
  }

  static async open(storage: Storage): Promise<ListStore> {
    const meta = storage.keyval({ name: 'meta', schema: z.object({ epoch: z.string() }), schemaVersion: 1 });
    let epoch = (await meta.get('epoch'))?.value.epoch;
    if (epoch === undefined) {
      epoch = randomBytes(9).toString('base64url');
      await meta.put('epoch', { epoch });
    }
    return new ListStore(storage.keyval(LISTS), epoch);
  }

  async get(account: string): Promise<AccountLists> {
    return (
      (await this.#accounts.get(account))?.value ?? {
        sequence: 0,
        current: noLists,
        intent: null,
        told: null,
      }
    );
  }

  /** Resolves when durable. */
  async put(account: string, lists: AccountLists): Promise<void> {
    await this.#accounts.put(account, lists);
  }

  /** The account is gone, and its lists with it. */
  async remove(account: string): Promise<void> {
    await this.#accounts.delete(account);
  }

  owners(): AsyncIterable<string> {
    return this.#accounts.owners();
  }
}
