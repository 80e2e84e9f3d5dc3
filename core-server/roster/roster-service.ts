import type { Logger } from '../../shared/observability/types.js';
import type { KeyValueCollection, Storage } from '../../shared/storage/storage.js';
import { clone, type Element, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Hooks } from '../routing/hooks.js';
import type { AccountState } from '../sessions/account-state.js';
import type { PendingRequest, Roster, RosterItem } from './roster.js';
import { documentOf, ROSTERS, type RosterDocument, rosterOf } from './roster-document.js';

interface Saving {
  readonly roster: Roster;
  readonly now: Promise<void>;
  next: Promise<void> | null;
}

/** Loads, changes and stores rosters, and tells interested resources (RFC 6121 §2). */
export class RosterService {
  readonly #collection: KeyValueCollection<RosterDocument>;
  readonly #hooks: Hooks;
  readonly #log: Logger;
  /** What is being stored, by account. */
  readonly #saving = new Map<BareJid, Saving>();
  #pushes = 0;

  constructor(storage: Storage, hooks: Hooks, log: Logger) {
    this.#collection = storage.keyval(ROSTERS);
    this.#hooks = hooks;
    this.#log = log;
  }

  /** The directory's loader: reads the roster with the account. */
  load(account: AccountState): Promise<void> | undefined {
    // forgotten by the directory while its last change was on its way
    const saving = this.#saving.get(account.bare);
    if (saving !== undefined) {
      account.roster = saving.roster;
      return undefined;
    }
    return this.#read(account);
  }

  #read(account: AccountState): Promise<void> | undefined {
    const known = this.#collection.getSync(account.bare);
    if (known !== 'async') {
      account.roster = rosterOf(known);
      return undefined;
    }
    return this.#collection.get(account.bare).then((found) => {
      account.roster = rosterOf(found);
    });
  }

  /** The version string that clients compare (RFC 6121 §2.6). */
  versionOf(account: AccountState): string {
    return `${account.roster.epoch}-${account.roster.version}`;
  }

  /**
   * Puts an item in place of the one with its JID, tells the interested resources, and resolves when it is durable.
   */
  put(account: AccountState, item: RosterItem): Promise<void> {
    account.roster.items.set(item.jid, item);
    account.roster.version++;
    this.#push(account, itemElement(item));
    this.#hooks.rosterChanged.emit(account, item.jid, false);
    return this.#save(account);
  }

  /** Removes an item (and a pending request of that contact). */
  remove(account: AccountState, contact: BareJid): Promise<void> {
    account.roster.items.delete(contact);
    account.roster.pendingIn.delete(contact);
    account.roster.version++;
    this.#push(account, xml('item', { jid: contact, subscription: 'remove' }));
    this.#hooks.rosterChanged.emit(account, contact, true);
    return this.#save(account);
  }

  /** Remembers a subscription request, or (null) forgets it; no roster push (RFC 6121 §3.1.3). */
  setPending(account: AccountState, contact: BareJid, request: PendingRequest | null): Promise<void> {
    if (request === null) account.roster.pendingIn.delete(contact);
    else account.roster.pendingIn.set(contact, request);
    return this.#save(account);
  }

  /** Forgets the whole roster of a removed account. */
  async erase(account: BareJid): Promise<void> {
    const saving = this.#saving.get(account);
    await (saving?.next ?? saving?.now)?.catch(() => {});
    await this.#collection.delete(account);
  }

  /**
   * Resolves when the roster as it is now is stored. While one write is on its way there is at most one more, for all
   * changes that come meanwhile: a roster is one document, and a client can change it faster than it can be written.
   */
  #save(account: AccountState): Promise<void> {
    const saving = this.#saving.get(account.bare);
    if (saving !== undefined) {
      // where this write fails, what was changed meanwhile is gone with it: that fails too
      saving.next ??= saving.now.then(() => this.#begin(account));
      return saving.next;
    }
    return this.#begin(account);
  }

  #begin(account: AccountState): Promise<void> {
    const saving: Saving = { roster: account.roster, now: this.#write(account), next: null };
    this.#saving.set(account.bare, saving);
    saving.now.then(
      () => saving.next === null && this.#saving.delete(account.bare),
      () => this.#saving.delete(account.bare),
    );
    return saving.now;
  }

  async #write(account: AccountState): Promise<void> {
    const { roster } = account;
    try {
      await this.#collection.put(account.bare, documentOf(roster));
    } catch (error) {
      this.#log.error({ code: 'storage.roster-unwritable', error }, 'a roster could not be stored');
      // What is in memory must not promise more than what is stored. The account may have been forgotten and loaded again
      // meanwhile: it is the same roster, wherever it is held.
      await this.#collection.get(account.bare).then(
        (stored) => roster.restore(rosterOf(stored)),
        () => {},
      );
      throw error;
    }
  }

  /** RFC 6121 §2.1.6: to every resource that asked for the roster. */
  #push(account: AccountState, item: Element): void {
    for (const session of account.sessions) {
      if (!session.interested) continue;
      this.#pushes++;
      session.deliver(
        Stanza.fromElement(
          xml(
            'iq',
            { type: 'set', id: `push${this.#pushes.toString(36)}`, to: session.jid.full },
            xml('query', { xmlns: NS.roster, ver: this.versionOf(account) }, clone(item)),
          ),
        ),
      );
    }
  }
}

/** RFC 6121 §2.1.2: an item as clients see it. */
export function itemElement(item: RosterItem): Element {
  return xml(
    'item',
    {
      jid: item.jid,
      ...(item.name === undefined ? {} : { name: item.name }),
      subscription: item.subscription,
      ...(item.ask ? { ask: 'subscribe' } : {}),
      ...(item.approved ? { approved: 'true' } : {}),
    },
    ...item.groups.map((group) => xml('group', {}, group)),
  );
}
