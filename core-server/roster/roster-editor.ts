import { child, type Element } from '../../shared/xml/element.js';
import { detachedCopy } from '../../shared/xml/names.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { parseJid, prepareResource } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { PresenceHandlers } from '../presence/presence-handlers.js';
import type { AccountState } from '../sessions/account-state.js';
import { itemWeight, type RosterItem } from './roster.js';
import type { RosterService } from './roster-service.js';

const NAME_LENGTH = 1023;
const GROUP_LENGTH = 1023;
const GROUPS = 50;

interface RosterLimits {
  readonly items: number;
  /** Names, groups and addresses together, in characters. */
  readonly weight: number;
}

function full(): StanzaError {
  return new StanzaError('resource-constraint', { text: 'the roster is full' });
}

/** Roster sets (RFC 6121 §2.3–2.5), of clients and of privileged entities alike. */
export class RosterEditor {
  readonly #roster: RosterService;
  readonly #presence: PresenceHandlers;
  readonly #limits: RosterLimits;

  constructor(roster: RosterService, presence: PresenceHandlers, limits: RosterLimits) {
    this.#roster = roster;
    this.#presence = presence;
    this.#limits = limits;
  }

  /** Carries out a roster set; resolves when it is durable, rejects with the StanzaError of §2.3.3 or §2.5.3. */
  async set(account: AccountState, iq: Stanza): Promise<void> {
    const query = child(iq.element, 'query', NS.roster);
    const items = query?.getChildElements() ?? [];
    const item = items[0];
    // §2.3.3: exactly one item
    if (items.length !== 1 || item === undefined || !item.is('item', NS.roster))
      throw new StanzaError('bad-request');
    const text = item.attrs['jid'];
    if (text === undefined) throw new StanzaError('bad-request');
    const contact = parseJid(text)?.bare;
    if (contact === undefined) throw new StanzaError('jid-malformed');
    if (item.attrs['subscription'] === 'remove') {
      // §2.5.3: nothing to remove
      if (!account.roster.items.has(contact)) throw new StanzaError('item-not-found');
      return this.#presence.contactRemoved(account, contact);
    }
    // an entity is implicitly subscribed to itself (§4.2.2): an item could only contradict that
    if (contact === account.bare) throw new StanzaError('not-allowed');
    const before = account.roster.items.get(contact);
    if (before === undefined && account.roster.items.size >= this.#limits.items) throw full();
    const name = item.attrs['name'];
    if (name !== undefined && name.length > NAME_LENGTH) throw new StanzaError('not-acceptable');
    const changed: RosterItem = {
      jid: contact,
      // kept while the account is: not as a slice of the stanza
      ...(name === undefined || name === '' ? {} : { name: detachedCopy(name) }),
      groups: groupsOf(item),
      // §2.1.2.5, §2.1.2.2, §2.1.2.1: these are the server's; what the client says of them is ignored
      subscription: before?.subscription ?? 'none',
      ask: before?.ask ?? false,
      approved: before?.approved ?? false,
    };
    const grows = itemWeight(changed) - (before === undefined ? 0 : itemWeight(before));
    if (grows > 0 && account.roster.weight + grows > this.#limits.weight) throw full();
    return this.#roster.put(account, changed);
  }
}

/** §2.3.3: duplicate groups are bad-request, empty or oversized ones not-acceptable. */
function groupsOf(item: Element): string[] {
  const groups: string[] = [];
  const seen = new Set<string>();
  for (const group of item.getChildren('group', NS.roster).map((each) => each.getText())) {
    if (group === '' || group.length > GROUP_LENGTH) throw new StanzaError('not-acceptable');
    // compared as resourceparts are, kept as given
    const key = prepareResource(group) ?? group;
    if (seen.has(key)) throw new StanzaError('bad-request');
    seen.add(key);
    groups.push(detachedCopy(group));
  }
  if (groups.length > GROUPS) throw new StanzaError('not-acceptable');
  return groups;
}
