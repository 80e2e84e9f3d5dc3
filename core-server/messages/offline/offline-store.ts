import type { ArchiveCollection, ArchiveEntry } from '../../../shared/storage/storage.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { AccountState } from '../../sessions/account-state.js';
import type { StoredMessage } from './offline-document.js';

export const PAGE = 100;

/** Made once: a flood gets it ten thousand times. */
export const STORE_FULL = new StanzaError('service-unavailable', {
  text: 'too many messages are stored for this account',
});

/** It was removed while the message was on its way. */
export const ACCOUNT_GONE = new StanzaError('service-unavailable');

/** One stored message. */
interface StoredAt {
  readonly id: number;
  /** In characters, as stored. */
  readonly size: number;
  /** It is more than the account may have stored. */
  readonly beyond: boolean;
}

/** A stored message on its way. */
export interface Handed extends StoredAt {
  readonly message: Stanza;
}

interface Count {
  messages: number;
  size: number;
}

/** The stored messages of all accounts, within each account's bounds. */
export class OfflineStore {
  readonly #archive: ArchiveCollection<StoredMessage>;
  readonly #messages: number;
  readonly #bytes: number;
  /** What each account has stored, known while it is in memory; stores of one turn are counted at once. */
  readonly #counts = new WeakMap<AccountState, Promise<Count>>();
  /** The same, once it is known. */
  readonly #known = new WeakMap<AccountState, Count>();

  /** `messages` and `bytes`: how many, and how many characters, one account may have stored. */
  constructor(archive: ArchiveCollection<StoredMessage>, messages: number, bytes: number) {
    this.#archive = archive;
    this.#messages = messages;
    this.#bytes = bytes;
  }

  /** Whether it is known that a message of so many characters more would be too much. */
  isFull(account: AccountState, size: number): boolean {
    const count = this.#known.get(account);
    return count !== undefined && this.#exceeds(count, 1, size);
  }

  /**
   * Resolves when it is durable. Rejects with {@link STORE_FULL} when it would be too much, but where it is stored
   * `anyway`, and with {@link ACCOUNT_GONE}.
   */
  async append(account: AccountState, text: string, anyway = false): Promise<StoredAt> {
    const count = await this.#count(account);
    if (!account.exists) throw ACCOUNT_GONE;
    const size = text.length;
    const beyond = this.#exceeds(count, 1, size);
    if (beyond && !anyway) throw STORE_FULL;
    count.messages++;
    count.size += size;
    try {
      return { id: await this.#archive.append(account.bare, { text }), size, beyond };
    } catch (error) {
      count.messages--;
      count.size -= size;
      throw error;
    }
  }

  /** At most {@link PAGE} messages, in order, after one of them; also those that were to be stored before this was asked. */
  async page(account: AccountState, after: number): Promise<ArchiveEntry<StoredMessage>[]> {
    // the archive lets what it has been given be written first, and this is what a message waits for before that
    await this.#counts.get(account)?.catch(() => {});
    return this.#page(account, after);
  }

  /** Whether more is known to be stored than may be, by what was stored anyway. */
  exceeded(account: AccountState): boolean {
    const count = this.#known.get(account);
    return count !== undefined && this.#exceeds(count, 0, 0);
  }

  async remove(
    account: AccountState,
    entries: readonly { readonly id: number; readonly size: number }[],
  ): Promise<void> {
    if (entries.length === 0) return;
    const count = this.#known.get(account) ?? (await this.#count(account));
    // there is room for others from now on, not when the store has written that
    count.messages = Math.max(0, count.messages - entries.length);
    for (const { size } of entries) count.size = Math.max(0, count.size - size);
    await this.#archive.remove(
      account.bare,
      entries.map(({ id }) => id),
    );
  }

  #page(account: AccountState, after: number): Promise<ArchiveEntry<StoredMessage>[]> {
    return this.#archive.page(account.bare, { after, limit: PAGE });
  }

  #exceeds(count: Count, messages: number, size: number): boolean {
    return count.messages + messages > this.#messages || count.size + size > this.#bytes;
  }

  #count(account: AccountState): Promise<Count> {
    let count = this.#counts.get(account);
    if (count === undefined) {
      count = this.#measure(account);
      this.#counts.set(account, count);
      count.then(
        (known) => this.#known.set(account, known),
        () => this.#counts.delete(account),
      );
    }
    return count;
  }

  async #measure(account: AccountState): Promise<Count> {
    const count = { messages: 0, size: 0 };
    for (let after = 0; ; ) {
      const page = await this.#page(account, after);
      for (const { id, value } of page) {
        after = id;
        count.messages++;
        count.size += value.text.length;
      }
      if (page.length < PAGE) return count;
    }
  }
}
