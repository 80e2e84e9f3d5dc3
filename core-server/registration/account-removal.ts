import { type BareJid, jid } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { cleaners } from './account-cleaners.js';

const RETRY_MILLISECONDS = 30_000;

/**
 * Removes accounts so that nobody inherits what they leave: a durable tombstone, then
 * everything that holds data of the account is emptied, asked again until it has answered.
 */
export class AccountRemoval {
  readonly #core: () => Core;

  constructor(core: () => Core) {
    this.#core = core;
  }

  /**
   * Removes an account; with `force` its name is free at once. Resolves when the tombstone is durable; the cleaning goes
   * on. Rejects with an AccountError when there is no such account.
   */
  async remove(account: BareJid, force: boolean): Promise<void> {
    const core = this.#core();
    const tombstone = await core.accounts.tombstone(account);
    if (tombstone !== undefined && force) return core.accounts.release(account);
    await this.#cancelSubscriptions(account);
    const pending = cleaners.filter((cleaner) => cleaner.concerns(core)).map((cleaner) => cleaner.name);
    await core.accounts.remove(account, force ? [] : pending);
    core.log.info({ code: 'account.removed', account, pending }, 'account removed');
    for (const name of pending) void this.#clean(account, name);
  }

  /** Goes on where a former process stopped. */
  async resumePending(): Promise<void> {
    for await (const { account, pending } of this.#core().accounts.tombstones()) {
      for (const name of pending) void this.#clean(account, name);
    }
  }

  async #clean(account: BareJid, name: string): Promise<void> {
    const core = this.#core();
    const cleaner = cleaners.find((each) => each.name === name);
    try {
      // a component that is not part of this deployment any more cannot hold anybody's name for ever
      if (cleaner?.concerns(core) === true) await cleaner.clean(core, jid(account));
      await core.accounts.confirmCleaned(account, name);
    } catch (error) {
      const reason = error instanceof StanzaError ? error.condition : String(error);
      core.log.warn(
        { code: 'account.cleaning-delayed', account, what: name, reason },
        'data of a removed account is still there',
      );
      const again = setTimeout(() => void this.#clean(account, name), RETRY_MILLISECONDS);
      again.unref();
    }
  }

  /** RFC 6121 §2.5.2 for every contact, before the account is gone and nobody could speak for it. */
  #cancelSubscriptions(account: BareJid): Promise<void> {
    const core = this.#core();
    return new Promise((resolve, reject) => {
      core.directory.with(
        jid(account),
        (state) => {
          const contacts = new Set([...state.roster.items.keys(), ...state.roster.pendingIn.keys()]);
          Promise.all([...contacts].map((contact) => core.presence.contactRemoved(state, contact))).then(
            () => resolve(),
            reject,
          );
        },
        reject,
      );
    });
  }
}
