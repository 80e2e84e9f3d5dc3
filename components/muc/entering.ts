import type { Element } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Muc } from './context.js';
import { historyRequest, sendHistory } from './history.js';
import { checkedNick } from './nicks.js';
import { broadcastPresence, sendRoster, tellSelf } from './presence.js';
import { refusal } from './refusal.js';
import { atLeast } from './rooms/privileges.js';
import { Occupant, type Room, Session } from './rooms/room.js';
import { sendSubject } from './subject.js';
import { innerXml } from './wire.js';
import type { Work } from './work.js';

/** Admins and owners enter a full room, but no more than this many (§7.2.9). */
const RESERVE = 20;
/** Sessions under one nick. */
const SESSIONS = 25;

export interface Entrance {
  /** The sender's full JID. */
  readonly jid: Jid;
  readonly nick: string;
  readonly stanza: Stanza;
  /** The `<x/>` of muc, absent in groupchat 1.0. */
  readonly join: Element | undefined;
  /** The room has just been made for this one (201). */
  readonly created: boolean;
}

/** XEP-0045 §7.2 Entering a Room. */
export function enter(muc: Muc, work: Work, room: Room, entrance: Entrance): void {
  const { jid, stanza, join, created } = entrance;
  const affiliation = room.affiliationOf(jid.bare);
  // §7.2.10: before its configuration it is there for nobody else.
  if (room.locked && affiliation !== 'owner') throw refusal(room, 'item-not-found');
  if (affiliation === 'outcast') throw refusal(room, 'forbidden');
  const role = room.roleOnEntry(jid.bare);
  if (role === 'none') throw refusal(room, 'registration-required');
  if (room.config.password !== null && !created && !room.admins.has(jid.bare)) {
    if (join?.getChildText('password') !== room.config.password) throw refusal(room, 'not-authorized');
  }
  const nick = checkedNick(muc, room, jid.bare, entrance.nick);
  const present = room.occupants.get(nick);
  checkPlace(muc, room, jid.bare, present);

  const occupant = present ?? new Occupant(room, nick, jid.bare, muc.occupantId(room, jid.bare), role);
  if (present === undefined) room.addOccupant(occupant);
  const session = new Session(jid, occupant, presencePayload(stanza), priorityOf(stanza), muc.now());
  session.lastSeen = muc.ticks();
  session.lang = stanza.lang;
  room.addSession(session);
  work.saveSession(room, session);
  work.undo.push(() => {
    if (room.sessions.get(jid.full) === session) room.removeSession(session);
    muc.emptied(work, room);
  });
  muc.counters.joins.inc();

  welcome(muc, work, room, session, entrance, () => {
    const statuses = selfStatuses(room, created, nick !== entrance.nick);
    announce(work, room, occupant, session, stanza.id, statuses);
  });
}

/** §7.2.1, §17.3 rule 3: whoever joins again is sent everything again; the others only what is new. */
export function synchronise(muc: Muc, work: Work, room: Room, session: Session, entrance: Entrance): void {
  const payload = presencePayload(entrance.stanza);
  const { occupant } = session;
  const before = occupant.primary;
  const shown = before.presence;
  session.presence = payload;
  session.lang = entrance.stanza.lang;
  session.priority = priorityOf(entrance.stanza);
  session.updated = ++room.updates;
  work.saveSession(room, session);
  const changed = occupant.primary !== before || occupant.primary.presence !== shown;
  welcome(muc, work, room, session, entrance, () => {
    const statuses = selfStatuses(room, false, false);
    const { id } = entrance.stanza;
    if (changed) announce(work, room, occupant, session, id, statuses);
    else tellSelf(work, room, occupant, id === undefined ? {} : { id }, [session], statuses);
  });
}

/** §7.1 Order of Events. */
function welcome(
  muc: Muc,
  work: Work,
  room: Room,
  session: Session,
  entrance: Entrance,
  presence: () => void,
): void {
  sendRoster(work, room, session);
  presence();
  sendHistory(work, room, session, historyRequest(entrance.join, muc.now()), muc.policy.historyBytes);
  sendSubject(work, room, session);
}

/** The others and the account's other sessions first, then the one that entered, with what only it is told. */
function announce(
  work: Work,
  room: Room,
  occupant: Occupant,
  session: Session,
  id: string | undefined,
  statuses: readonly number[],
): void {
  const own = occupant.sessions.filter((one) => one !== session);
  broadcastPresence(work, room, occupant, {}, { own });
  tellSelf(work, room, occupant, id === undefined ? {} : { id }, [session], statuses);
}

function selfStatuses(room: Room, created: boolean, renamed: boolean): number[] {
  const statuses: number[] = [];
  if (room.config.whois === 'anyone') statuses.push(100);
  if (room.config.logging) statuses.push(170);
  if (created) statuses.push(201);
  if (renamed) statuses.push(210);
  return statuses;
}

/** Whether one more session fits under the nick that `present` has, or under one that nobody has yet. */
export function checkPlace(muc: Muc, room: Room, bare: string, present: Occupant | undefined): void {
  if (present === undefined) checkSpace(muc, room, atLeast(room.affiliationOf(bare), 'admin'));
  else if (present.sessions.length >= SESSIONS)
    throw refusal(room, 'resource-constraint', {
      text: `No more than ${SESSIONS} sessions under one nickname`,
    });
}

/** §7.2.9: by occupants, not by sessions. */
function checkSpace(muc: Muc, room: Room, privileged: boolean): void {
  const most = maxOccupants(muc, room);
  if (room.occupants.size < most || (privileged && room.occupants.size < most + RESERVE)) return;
  throw refusal(room, 'service-unavailable', { type: 'wait', text: 'The room is full' });
}

/** How many may be in the room: as it is configured, but never more than the service allows. */
export function maxOccupants(muc: Muc, room: Room): number {
  return room.config.maxUsers === 0
    ? muc.policy.maxOccupants
    : Math.min(room.config.maxUsers, muc.policy.maxOccupants);
}

/** §17.3 rules 6 and 7: everything but what only the room says. */
export function presencePayload(stanza: Stanza): string {
  if (stanza.payload === null) return '';
  return innerXml(stanza, (child) => {
    switch (child.getNS()) {
      case NS.muc:
      case NS.mucUser:
      case NS.occupantId:
      case NS.address:
      case NS.addressLists:
      case NS.delay:
        return false;
      default:
        return true;
    }
  });
}

/** The priority of a presence (RFC 6121 §4.7.2.3); 0 where it says none, or none that can be. */
export function priorityOf(stanza: Stanza): number {
  const text = stanza.element.getChildText('priority')?.trim() ?? '';
  const priority = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : 0;
  return priority >= -128 && priority <= 127 ? priority : 0;
}
