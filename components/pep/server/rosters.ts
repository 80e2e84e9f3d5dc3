import type { Component } from '../../../shared/component/component.js';
import { childElements, type Element } from '../../../shared/xml/element.js';
import { detachedCopy } from '../../../shared/xml/names.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';

/** A contact as PEP sees it. Equal ones share one object: ten thousand rosters have few kinds of contact. */
export interface Contact {
  /** The contact receives the account's presence (`from` or `both`). */
  readonly subscriber: boolean;
  /** The account receives the contact's presence (`to` or `both`). */
  readonly subscribed: boolean;
  readonly groups: readonly string[];
}
export type Roster = ReadonlyMap<string, Contact>;

/** Contacts that are kept in memory, over all rosters. */
const KEPT_CONTACTS = 400_000;
/** Kinds of contact that are shared, and the characters of one. */
const KEPT_KINDS = 10_000;
const KIND_LENGTH = 200;
/** Rosters that are asked for at once. */
const AT_ONCE = 32;
/** How long a roster counts where the server does not say that it pushes changes: for one event and what it leads to, ms. */
const UNPUSHED_MILLISECONDS = 1_000;
const EMPTY: Roster = new Map();

/** A roster on its way, and what the server has pushed of it meanwhile. */
interface Asked {
  readonly roster: Promise<Roster>;
  readonly pushed: Map<string, Contact | undefined>;
}

/**
 * The rosters of the server's accounts: asked for when they are needed, kept while there is room, and changed by the
 * server's pushes (XEP-0356). Of a server that does not say that it pushes (Prosody's module, ejabberd) they are asked for
 * again, and what has changed meanwhile counts as pushed. Where the server grants none, every roster is empty.
 */
export class Rosters {
  readonly #component: Component;
  readonly #kept = new Map<string, Map<string, Contact>>();
  readonly #asked = new Map<string, Asked>();
  /** When a roster must be asked for again (`performance.now()`), where no pushes can be relied on. */
  readonly #until = new Map<string, number>();
  readonly #names = new Map<string, string>();
  readonly #kinds = new Map<string, Contact>();
  readonly #watchers: ((
    account: string,
    contact: string,
    before: Contact | undefined,
    now: Contact | undefined,
  ) => void)[] = [];
  readonly #turns: (() => void)[] = [];
  #asking = 0;
  /** Counts beginnings: what was asked for earlier may miss pushes that went to another process, or to nobody. */
  #round = 0;
  #contacts = 0;

  readonly #keeps: (account: string) => boolean;

  /** `keeps`: whether this process hears of the changes of an account's roster. */
  constructor(component: Component, keeps: (account: string) => boolean = () => true) {
    this.#component = component;
    this.#keeps = keeps;
    // Pushes are missed while the link is down.
    component.onDown(() => this.clear());
  }

  /** Kinds of contact that are shared now. */
  get kinds(): number {
    return this.#kinds.size;
  }

  /** Contacts kept now. */
  get size(): number {
    return this.#contacts;
  }

  /** Hears of every push, with what was known before (if it was). */
  onPush(
    handler: (
      account: string,
      contact: string,
      before: Contact | undefined,
      now: Contact | undefined,
    ) => void,
  ): void {
    this.#watchers.push(handler);
  }

  /** An account's roster if it is kept. */
  known(account: string): Roster | undefined {
    const roster = this.#kept.get(account);
    if (roster === undefined || (this.#until.get(account) ?? Infinity) < performance.now()) return undefined;
    this.#kept.delete(account);
    this.#kept.set(account, roster);
    return roster;
  }

  /** An account's roster; empty where the server does not grant it or the account has gone. */
  get(account: string): Promise<Roster> {
    const known = this.known(account);
    if (known !== undefined) return Promise.resolve(known);
    const before = this.#asked.get(account);
    if (before !== undefined) return before.roster;
    const pushed: Asked['pushed'] = new Map();
    const roster = this.#inTurn(() => this.#ask(account, pushed)).finally(() => {
      if (this.#asked.get(account)?.pushed === pushed) this.#asked.delete(account);
    });
    this.#asked.set(account, { roster, pushed });
    return roster;
  }

  /** Takes a roster push of an account. */
  push(account: string, query: Element): void {
    for (const item of childElements(query)) {
      const contact = contactJid(item);
      if (contact === undefined) continue;
      const roster = this.#kept.get(account);
      const before = roster?.get(contact);
      const now = item.attrs['subscription'] === 'remove' ? undefined : this.#contact(item, before);
      if (roster !== undefined) {
        if (now === undefined) roster.delete(contact);
        else roster.set(contact, now);
        this.#contacts += (now === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
      }
      // The answer that is awaited may be older: it is there, but nobody has had time for it yet.
      this.#asked.get(account)?.pushed.set(contact, now);
      for (const watcher of this.#watchers) watcher(account, contact, before, now);
    }
  }

  clear(): void {
    this.#round++;
    this.#kept.clear();
    this.#until.clear();
    this.#names.clear();
    this.#asked.clear();
    this.#contacts = 0;
  }

  /** A server that starts lets everyone in at once: their rosters come a few at a time. */
  async #inTurn(ask: () => Promise<Roster>): Promise<Roster> {
    if (this.#asking >= AT_ONCE) await new Promise<void>((resolve) => this.#turns.push(resolve));
    else this.#asking += 1;
    try {
      return await ask();
    } finally {
      // Whoever is next takes over the place.
      const next = this.#turns.shift();
      if (next === undefined) this.#asking -= 1;
      else next();
    }
  }

  async #ask(account: string, pushed: Asked['pushed']): Promise<Roster> {
    const { connected } = this.#component.server;
    const round = this.#round;
    let query: Element;
    try {
      query = await this.#component.privileged.getRoster(account);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      // Without the grant, or for an account that has gone, nobody is a contact. Anything else is for the caller.
      if (error.condition === 'forbidden' || error.condition === 'item-not-found') return EMPTY;
      if (connected) {
        this.#component.log.warn({ code: 'pep.no-roster', account, error }, 'a roster could not be read');
      }
      throw error;
    }
    const roster = new Map<string, Contact>();
    for (const item of childElements(query)) {
      const contact = contactJid(item);
      if (contact !== undefined) roster.set(this.#name(contact), this.#contact(item));
    }
    for (const [contact, now] of pushed) {
      if (now === undefined) roster.delete(contact);
      else roster.set(this.#name(contact), now);
    }
    if (round === this.#round && this.#keeps(account)) {
      const before = this.#kept.get(account);
      this.#keep(account, roster);
      if (before !== undefined) this.#tellChanges(account, before, roster);
    }
    return roster;
  }

  /** What a roster that was asked for again has become, as pushes would have told it. */
  #tellChanges(account: string, before: Roster, now: Roster): void {
    for (const contact of new Set([...before.keys(), ...now.keys()])) {
      const [was, is] = [before.get(contact), now.get(contact)];
      if (!alike(was, is)) for (const watcher of this.#watchers) watcher(account, contact, was, is);
    }
  }

  /** One copy of each contact's address, however many rosters it is in. */
  #name(contact: string): string {
    const known = this.#names.get(contact);
    if (known !== undefined) return known;
    if (this.#names.size >= KEPT_CONTACTS) this.#names.clear();
    this.#names.set(contact, contact);
    return contact;
  }

  #keep(account: string, roster: Map<string, Contact>): void {
    this.#contacts += roster.size - (this.#kept.get(account)?.size ?? 0);
    this.#kept.set(account, roster);
    const domain = parseJid(account)?.domain ?? '';
    if (this.#component.server.domains.get(domain)?.privileges.rosterPushSaid === true)
      this.#until.delete(account);
    else this.#until.set(account, performance.now() + UNPUSHED_MILLISECONDS);
    for (const [old, contacts] of this.#kept) {
      if (this.#contacts <= KEPT_CONTACTS || old === account) break;
      this.#kept.delete(old);
      this.#until.delete(old);
      this.#contacts -= contacts.size;
    }
  }

  /** `before`: what is given where nothing has changed. */
  #contact(item: Element, before?: Contact): Contact {
    const { subscription = 'none' } = item.attrs;
    const groups = childElements(item)
      .filter((child) => child.getName() === 'group')
      .map((group) => detachedCopy(group.getText()));
    const subscriber = subscription === 'from' || subscription === 'both';
    const subscribed = subscription === 'to' || subscription === 'both';
    const key = JSON.stringify([subscriber, subscribed, groups]);
    // The names of groups are anybody's choice, and may change with each push: what is shared is what is short.
    const contact = { subscriber, subscribed, groups };
    if (before !== undefined && alike(before, contact)) return before;
    if (key.length > KIND_LENGTH) return contact;
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    if (this.#kinds.size >= KEPT_KINDS) this.#kinds.clear();
    this.#kinds.set(key, contact);
    return contact;
  }
}

function alike(one: Contact | undefined, other: Contact | undefined): boolean {
  if (one === other || one === undefined || other === undefined) return one === other;
  return (
    one.subscriber === other.subscriber &&
    one.subscribed === other.subscribed &&
    one.groups.length === other.groups.length &&
    one.groups.every((group, index) => group === other.groups[index])
  );
}

function contactJid(item: Element): string | undefined {
  const text = item.getName() === 'item' ? item.attrs['jid'] : undefined;
  return text === undefined ? undefined : parseJid(text)?.bare;
}
