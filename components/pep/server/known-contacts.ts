import type { Component } from '../../../shared/component/component.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import type { Accounts } from '../nodes/accounts.js';
import type { Ownership } from '../nodes/ownership.js';
import type { Roster, Rosters } from './rosters.js';
import type { Watchers } from './watchers.js';

/** Rosters that are asked for at once after the link is up. */
const AT_ONCE = 8;

/**
 * Keeps {@link Watchers} right: every account with nodes is asked for its roster when the link comes up (paced) and when
 * it gets its first node; pushes do the rest.
 */
export class KnownContacts {
  readonly #component: Component;
  readonly #accounts: Accounts;
  readonly #rosters: Rosters;
  readonly #watchers: Watchers;
  readonly #ownership: Ownership;
  /** Lets go of who waits for {@link complete}; null: everything is known. */
  #learned: (() => void) | null = null;
  #complete: Promise<void>;
  /** Counts beginnings: what began earlier is over. */
  #round = 0;

  constructor(
    component: Component,
    accounts: Accounts,
    rosters: Rosters,
    watchers: Watchers,
    ownership: Ownership,
  ) {
    this.#ownership = ownership;
    this.#component = component;
    this.#accounts = accounts;
    this.#rosters = rosters;
    this.#watchers = watchers;
    this.#complete = this.#begin();
    component.onUp(() => void this.learnAll());
    component.onDown(() => {
      this.#round++;
      this.#learned?.();
      this.#complete = this.#begin();
    });
    rosters.onPush((account, contact, _before, now) => {
      if (!accounts.owners.has(account) || !this.#isRemote(contact)) return;
      if (now?.subscriber) watchers.add(contact, account);
      else watchers.remove(contact, account);
    });
  }

  /** Resolves when, on this link, the contacts of every account with nodes are known: presence may come before that. */
  get complete(): Promise<void> {
    return this.#complete;
  }

  #begin(): Promise<void> {
    return new Promise((resolve) => {
      this.#learned = resolve;
    });
  }

  async learn(account: string): Promise<void> {
    let roster: Roster;
    try {
      roster = await this.#rosters.get(account);
    } catch (error) {
      this.#component.log.info(
        { code: 'pep.contacts-unknown', account, error },
        'contacts are not known yet',
      );
      return;
    }
    for (const [contact, { subscriber }] of roster) {
      if (subscriber && this.#isRemote(contact)) this.#watchers.add(contact, account);
    }
  }

  /** Of the owners that are ours now, from the beginning. */
  async learnAll(): Promise<void> {
    const round = ++this.#round;
    // Who comes meanwhile has to wait again, or would get nothing of those that are not known again yet.
    if (this.#learned === null) this.#complete = this.#begin();
    this.#watchers.clear();
    const owners = this.#accounts.owners.values();
    const work = async (): Promise<void> => {
      for (const owner of owners) {
        if (!this.#component.server.connected || round !== this.#round) return;
        if (!this.#ownership.mine(owner)) continue;
        await this.learn(owner);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (round !== this.#round) return;
    this.#learned?.();
    this.#learned = null;
  }

  #isRemote(contact: string): boolean {
    const domain = parseJid(contact)?.domain;
    return domain !== undefined && !this.#component.server.domains.has(domain);
  }
}
