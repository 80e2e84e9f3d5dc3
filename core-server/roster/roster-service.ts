import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Logger } from '../../shared/observability/types.js';
import type { KeyValueCollection, Storage, Versioned } from '../../shared/storage/storage.js';
import { clone, type Element, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Hooks } from '../routing/hooks.js';
import type { AccountState } from '../sessions/account-state.js';
import { type PendingRequest, Roster, type RosterItem } from './roster.js';

const itemSchema = z.object({
  jid: z.string(),
  name: z.string().optional(),
  groups: z.array(z.string()),
  subscription: z.enum(['none', 'to', 'from', 'both']),
  ask: z.boolean(),
  approved: z.boolean(),
});
const rosterSchema = z.object({
  /** Random, so that versions of a former account of this name never match. */
  epoch: z.string(),
  version: z.number().int(),
  items: z.array(itemSchema),
  pending: z.array(z.object({ from: z.string(), stanza: z.string() })),
});
type RosterDocument = z.infer<typeof rosterSchema>;

/** Loads, changes and stores rosters, and tells interested resources (RFC 6121 §2). */
export class RosterService {
  readonly #collection: KeyValueCollection<RosterDocument>;
  readonly #hooks: Hooks;
  readonly #log: Logger;
  #pushes = 0;

  constructor(storage: Storage, hooks: Hooks, log: Logger) {
    this.#collection = storage.keyval({ name: 'roster', schema: rosterSchema, schemaVersion: 1 });
    this.#hooks = hooks;
    this.#log = log;
  }

  /** The directory's loader: reads the roster with the account. */
  load(account: AccountState): Promise<void> | undefined {
    const known = this.#collection.getSync(account.bare);
    if (known !== 'async') {
      account.roster = fromDocument(known);
      return undefined;
    }
    return this.#collection.get(account.bare).then((found) => {
      account.roster = fromDocument(found);
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
    await this.#collection.delete(account);
  }

  async #save(account: AccountState): Promise<void> {
    const { roster } = account;
    try {
      await this.#collection.put(account.bare, {
        epoch: roster.epoch,
        version: roster.version,
        items: [...roster.items.values()].map((item) => ({ ...item, groups: [...item.groups] })),
        pending: [...roster.pendingIn.values()],
      });
    } catch (error) {
      this.#log.error({ code: 'storage.roster-unwritable', err: error }, 'a roster could not be stored');
      // what is in memory must not promise more than what is stored
      await Promise.resolve(this.load(account)).catch(() => {});
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

function fromDocument(stored: Versioned<RosterDocument> | undefined): Roster {
  const roster = new Roster();
  if (stored === undefined) {
    roster.epoch = randomBytes(6).toString('base64url');
    return roster;
  }
  const { value } = stored;
  roster.epoch = value.epoch;
  roster.version = value.version;
  for (const item of value.items) {
    const { name, ...rest } = item;
    const jid = item.jid as BareJid;
    roster.items.set(jid, name === undefined ? { ...rest, jid } : { ...rest, jid, name });
  }
  for (const request of value.pending) {
    const from = request.from as BareJid;
    roster.pendingIn.set(from, { from, stanza: request.stanza });
  }
  return roster;
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
