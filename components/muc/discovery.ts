import { type Element, xml } from '../../shared/xml/element.js';
import { type DiscoItem, infoElement, itemsElement } from '../../shared/xmpp/disco.js';
import { type FormDeclaration, valuesElement } from '../../shared/xmpp/forms.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { pageOf, parseResultSet, resultSetElement } from '../../shared/xmpp/rsm.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Muc, MucPolicy } from './context.js';
import { maxOccupants } from './entering.js';
import { folderName } from './public-log.js';
import type { Room } from './rooms/room.js';

const PAGE = 100;

/** XEP-0045 §6.2: what the service supports, beside what every component does. */
export function serviceFeatures(policy: MucPolicy): string[] {
  return [
    NS.muc,
    NS.mucUnique,
    NS.mucStableId,
    NS.occupantId,
    NS.stanzaId,
    NS.resultSet,
    NS.commands,
    NS.vcard,
    ...(policy.groupchat1 ? [NS.mucLegacy] : []),
  ];
}

const ROOM_INFO: FormDeclaration = {
  formType: NS.mucRoomInfo,
  fields: [
    { var: 'muc#roominfo_description', type: 'text-single', label: 'Description' },
    { var: 'muc#roominfo_subject', type: 'text-single', label: 'Current Discussion Topic' },
    {
      var: 'muc#roominfo_subjectmod',
      type: 'boolean',
      label: 'The room subject can be modified by participants',
    },
    { var: 'muc#roomconfig_changesubject', type: 'boolean', label: 'Subject can be modified' },
    { var: 'muc#roominfo_occupants', type: 'text-single', label: 'Number of occupants' },
    { var: 'muc#roominfo_lang', type: 'text-single', label: 'Language of discussion' },
    { var: 'muc#roominfo_logs', type: 'text-single', label: 'URL for discussion logs' },
    {
      var: 'muc#maxhistoryfetch',
      type: 'text-single',
      label: 'Maximum Number of History Messages Returned by Room',
    },
    { var: 'muc#roomconfig_maxusers', type: 'text-single', label: 'Maximum Number of Occupants' },
    { var: 'muc#roomconfig_allowinvites', type: 'boolean', label: 'Members may invite others' },
    { var: 'muc#roomconfig_pubsub', type: 'text-single', label: 'Associated pubsub node' },
    { var: 'muc#roominfo_avatarhash', type: 'text-multi', label: 'Avatar hash' },
  ],
};

/** §6.4 Querying for Room Information, with the roominfo form (§16.5.4). */
function roomInfo(muc: Muc, room: Room): Element {
  const { config } = room;
  const features = [
    NS.discoInfo,
    NS.discoItems,
    NS.muc,
    NS.mucStableId,
    NS.mucSelfPingOptimization,
    NS.mucRequest,
    NS.occupantId,
    NS.stanzaId,
    NS.ping,
    NS.vcard,
    ...(config.registration === 'closed' ? [] : [NS.register, NS.mucRegister]),
    config.password === null ? 'muc_unsecured' : 'muc_passwordprotected',
    config.public ? 'muc_public' : 'muc_hidden',
    config.persistent ? 'muc_persistent' : 'muc_temporary',
    config.membersOnly ? 'muc_membersonly' : 'muc_open',
    config.moderated ? 'muc_moderated' : 'muc_unmoderated',
    config.whois === 'anyone' ? 'muc_nonanonymous' : 'muc_semianonymous',
  ];
  // §14.4: a subject may say more than those outside should know of a room that hides or locks itself.
  const open = config.public && config.password === null && !config.membersOnly;
  const form = valuesElement(ROOM_INFO, {
    'muc#roominfo_description': config.description,
    'muc#roominfo_subject': open && room.subject !== null ? room.subject.text : undefined,
    'muc#roominfo_subjectmod': config.changeSubject,
    'muc#roomconfig_changesubject': config.changeSubject,
    'muc#roominfo_occupants': String(room.occupants.size),
    'muc#roominfo_lang': config.language === '' ? undefined : config.language,
    'muc#roominfo_logs': config.logging
      ? `${muc.policy.logUrl.replace(/\/$/, '')}/${folderName(room.local)}/`
      : undefined,
    'muc#maxhistoryfetch': String(config.historyFetch),
    'muc#roomconfig_maxusers': String(maxOccupants(muc, room)),
    'muc#roomconfig_allowinvites': config.memberInvites,
    'muc#roomconfig_pubsub': config.pubsub === '' ? undefined : config.pubsub,
    // XEP-0486 §4: not there without an avatar.
    'muc#roominfo_avatarhash': room.vcard?.avatars.length ? room.vcard.avatars.join('\n') : undefined,
  });
  return infoElement({
    identities: [
      { category: 'conference', type: 'text', name: config.name === '' ? room.local : config.name },
    ],
    features,
    forms: [form],
  });
}

/** §7.12 Discovering Reserved Room Nickname. */
export function reservedNick(room: Room, from: Jid): Element {
  const nick = room.reservedNick(from.bare);
  return infoElement(
    nick === undefined ? {} : { identities: [{ category: 'conference', type: 'text', name: nick }] },
    'x-roomuser-item',
  );
}

/** A room's disco#info, by node. */
export function roomInfoRequest(muc: Muc, room: Room, from: Jid, query: Element): Element {
  switch (query.attrs['node']) {
    case undefined:
      return roomInfo(muc, room);
    case 'x-roomuser-item':
      return reservedNick(room, from);
    case NS.mucTraffic:
      // §18.1.1: no namespace is discarded.
      throw new StanzaError('service-unavailable');
    default:
      throw new StanzaError('item-not-found');
  }
}

/** §6.5 Querying for Room Items: who is in it is the occupants' own affair. */
export function roomItems(room: Room, from: Jid, query: Element): Element {
  // XEP-0030 §3.2, §7: an answer without the node that was asked for would be that of another question.
  if (query.attrs['node'] !== undefined) throw new StanzaError('item-not-found');
  if (!room.sessions.has(from.full)) return itemsElement([]);
  const items: DiscoItem[] = [];
  for (const occupant of room.occupants.values()) {
    if (room.broadcasts(occupant.role)) items.push({ jid: `${room.jid.bare}/${occupant.nick}` });
  }
  return itemsElement(items);
}

interface ListedRoom {
  readonly jid: string;
  readonly name: string;
}

/** §6.3 Discovering Rooms: the public ones, in pages (XEP-0059). */
export function serviceItems(listed: readonly ListedRoom[], query: Element): Element {
  if (query.attrs['node'] !== undefined) throw new StanzaError('item-not-found');
  const request = parseResultSet(query);
  const { items, page } = pageOf(listed, request, {
    id: (room) => room.jid,
    limit: PAGE,
    order: (one, other) => (one < other ? -1 : one > other ? 1 : 0),
  });
  const partial = request !== null || items.length < listed.length;
  return itemsElement(
    items.map(({ jid, name }) => ({ jid, name })),
    undefined,
    partial ? resultSetElement(page) : undefined,
  );
}

/** XEP-0307: a name that no room has. */
export function uniqueName(name: string): Element {
  return xml('unique', { xmlns: NS.mucUnique }, name);
}
