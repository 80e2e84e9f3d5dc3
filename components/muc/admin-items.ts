import { children, type Element } from '../../shared/xml/element.js';
import { detachedCopy } from '../../shared/xml/names.js';
import { parseJid, prepareResource } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { refusal } from './refusal.js';
import { type Affiliation, isAffiliation, isRole, type Role } from './rooms/privileges.js';
import type { Room } from './rooms/room.js';

/** One `<item/>` of a muc#admin query (XEP-0045 §17.4 rules 4–6). */
export type AdminItem =
  | { readonly kind: 'role'; readonly nick: string; readonly role: Role; readonly reason: string | undefined }
  | {
      readonly kind: 'affiliation';
      /** A bare JID, or a domain. */
      readonly bare: string;
      readonly affiliation: Affiliation;
      /** The nick to reserve; '' to let go of it; undefined: as it is. */
      readonly nick: string | undefined;
      readonly reason: string | undefined;
    };

const MOST_ITEMS = 1_000;
const REASON_LENGTH = 1_000;

/** What a list request asks for: §8.5, §9.2, §9.5, §9.8, §10.5, §10.8. */
export function requestedList(query: Element): { role: Role } | { affiliation: Affiliation } {
  const [item, ...more] = children(query, 'item');
  if (item === undefined || more.length > 0) throw new StanzaError('bad-request');
  const { role, affiliation } = item.attrs;
  if (role !== undefined && affiliation === undefined && isRole(role) && role !== 'none') return { role };
  if (affiliation !== undefined && role === undefined && isAffiliation(affiliation) && affiliation !== 'none')
    return { affiliation };
  throw new StanzaError('bad-request');
}

/** The changes of a request ("delta"), all well-formed or none. */
export function requestedChanges(room: Room, query: Element): AdminItem[] {
  const items = children(query, 'item');
  if (items.length === 0) throw new StanzaError('bad-request');
  if (items.length > MOST_ITEMS)
    throw new StanzaError('policy-violation', { text: `At most ${MOST_ITEMS} items` });
  return items.map((item) => readItem(room, item));
}

function readItem(room: Room, item: Element): AdminItem {
  const { role, affiliation, nick, jid } = item.attrs;
  const given = item.getChildText('reason', NS.mucAdmin)?.slice(0, REASON_LENGTH) || undefined;
  // It may be kept as long as a ban: not as a slice of the stanza.
  const reason = given && detachedCopy(given);
  // §17.4 rule 4: one or the other.
  if ((role === undefined) === (affiliation === undefined)) throw new StanzaError('bad-request');
  if (role !== undefined) {
    if (!isRole(role) || nick === undefined) throw new StanzaError('bad-request');
    return { kind: 'role', nick: prepareResource(nick) ?? nick, role, reason };
  }
  if (affiliation === undefined || !isAffiliation(affiliation)) throw new StanzaError('bad-request');
  if (jid === undefined) {
    // Some clients name an occupant by nick; its bare JID is what counts.
    const occupant = nick === undefined ? undefined : room.occupants.get(nick);
    if (occupant === undefined) throw new StanzaError(nick === undefined ? 'bad-request' : 'item-not-found');
    return { kind: 'affiliation', bare: occupant.bare, affiliation, nick: undefined, reason };
  }
  // §10.3: a full JID stands for its bare JID.
  const parsed = parseJid(jid);
  if (parsed === null) throw new StanzaError('jid-malformed');
  // §9.2: a whole domain can be banned; nothing else can be done to it.
  if (parsed.local === '' && affiliation !== 'outcast' && affiliation !== 'none')
    throw new StanzaError('not-acceptable', { text: 'A whole domain can only be banned' });
  const reserve = nick === undefined || nick === '' ? nick : (prepareResource(nick.trim()) ?? undefined);
  if (nick !== undefined && reserve === undefined) throw refusal(room, 'not-acceptable');
  return { kind: 'affiliation', bare: parsed.bare, affiliation, nick: reserve, reason };
}
