import type { Element } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { type AdminItem, requestedChanges, requestedList } from './admin-items.js';
import {
  type AffiliationItem,
  affiliationList,
  applyAffiliationChange,
  checkAffiliationChanges,
} from './affiliation-lists.js';
import { configurationRequest, configure } from './configuration.js';
import type { Muc } from './context.js';
import { roomInfoRequest, roomItems } from './discovery.js';
import { refusal } from './refusal.js';
import { register, registrationRequest } from './registration.js';
import { type Actor, applyRoleChange, checkRoleChange, roleList } from './role-lists.js';
import type { RoomRequest } from './room-request.js';
import { roomVcard, setRoomVcard } from './room-vcard.js';
import type { Room } from './rooms/room.js';
import { attribute } from './wire.js';
import type { Work } from './work.js';

/** Who asks, as the room knows them: with the role of the session that asks, none from outside. */
export function actorOf(room: Room, from: Jid): Actor {
  const session = room.sessions.get(from.full);
  return {
    bare: from.bare,
    nick: session?.occupant.nick,
    role: session?.occupant.role ?? 'none',
    affiliation: room.affiliationOf(from.bare),
  };
}

/** Answers an IQ request with a result, which has this payload (a text of XML). */
export function sendResult(work: Work, iq: Stanza, payload = ''): void {
  const start = `<iq type='result'${attribute('from', iq.to)}${attribute('to', iq.from)}${attribute('id', iq.id)}`;
  work.sendResult(payload === '' ? `${start}/>` : `${start}>${payload}</iq>`);
}

/** XEP-0045 §17.4 rule 1: what is sent to the room itself, the room answers. */
export function roomIq(muc: Muc, work: Work, room: Room, from: Jid, iq: Stanza): void {
  const query = iq.element.getChildElements()[0];
  if (query === undefined) throw new StanzaError('bad-request');
  const actor = actorOf(room, from);
  if (room.locked && actor.affiliation !== 'owner') throw refusal(room, 'item-not-found');
  const payload = iq.type === 'get' ? answerGet(muc, room, from, actor, query) : undefined;
  if (payload !== undefined) {
    sendResult(work, iq, payload);
    return;
  }
  if (iq.type !== 'set') throw refusal(room, 'service-unavailable');
  let answered = false;
  const success = (): void => {
    if (!answered) sendResult(work, iq);
    answered = true;
  };
  answerSet({ muc, work, room, from, actor, query, success });
  success();
}

function answerGet(muc: Muc, room: Room, from: Jid, actor: Actor, query: Element): string | undefined {
  switch (query.getNS()) {
    case NS.discoInfo:
      return roomInfoRequest(muc, room, from, query).toString();
    case NS.discoItems:
      return roomItems(room, from, query).toString();
    case NS.ping:
      return '';
    case NS.vcard:
      return roomVcard(room, actor, query);
    case NS.register:
      return registrationRequest(room, from).toString();
    case NS.mucOwner:
      return `<query xmlns='${NS.mucOwner}'>${configurationRequest(muc, room, actor)}</query>`;
    case NS.mucAdmin: {
      const list = requestedList(query);
      const items =
        'role' in list ? roleList(room, actor, list.role) : affiliationList(room, actor, list.affiliation);
      return `<query xmlns='${NS.mucAdmin}'>${items}</query>`;
    }
    default:
      return undefined;
  }
}

function answerSet(request: RoomRequest): void {
  const { room, query } = request;
  switch (query.getNS()) {
    case NS.mucAdmin:
      applyChanges(request, requestedChanges(room, query));
      return;
    case NS.mucOwner:
      configure(request);
      return;
    case NS.vcard:
      setRoomVcard(request);
      return;
    case NS.register:
      register(request);
      return;
    default:
      throw refusal(room, 'service-unavailable');
  }
}

/** §9.2: all changes or none; §8.2: a kick is confirmed between the kicked and the others, all else before it is told. */
function applyChanges(request: RoomRequest, items: readonly AdminItem[]): void {
  const { muc, work, room, actor, success } = request;
  const affiliations = items.filter((item): item is AffiliationItem => item.kind === 'affiliation');
  for (const item of items) if (item.kind === 'role') checkRoleChange(room, actor, item);
  checkAffiliationChanges(muc, room, actor, affiliations);
  if (affiliations.length > 0) success();
  for (const item of items) {
    if (item.kind === 'role') applyRoleChange(muc, work, room, actor, item, success);
    else applyAffiliationChange(muc, work, room, actor, item);
  }
}
