import { child, childElements } from '../../shared/xml/element.js';
import { type FieldValue, formElement, readSubmission } from '../../shared/xmpp/forms.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { affiliationChanged, tellOfAbsent } from './affiliation-lists.js';
import { configurationForm, configurationValues, submittedConfig } from './configuration-form.js';
import { notifyStatuses } from './configuration-notice.js';
import type { Muc } from './context.js';
import { destroy } from './destroy.js';
import { checkPlaces } from './places.js';
import { broadcastRoleChange, tellOthers } from './presence.js';
import { refusal } from './refusal.js';
import { removeOccupant } from './removal.js';
import type { Actor } from './role-lists.js';
import type { RoomRequest } from './room-request.js';
import type { RoomConfig } from './rooms/config.js';
import type { Affiliation } from './rooms/privileges.js';
import type { Room } from './rooms/room.js';
import type { Work } from './work.js';

/** XEP-0045 §10.1.3, §10.2: the form, with the present options. */
export function configurationRequest(muc: Muc, room: Room, actor: Actor): string {
  if (actor.affiliation !== 'owner') throw refusal(room, 'forbidden');
  return formElement(configurationForm(room, muc.policy), configurationValues(room)).toString();
}

/** §10.1.2–10.2: a submission, an instant room, a cancellation; or §10.9 a destruction. `success` sends the result. */
export function configure(request: RoomRequest): void {
  const { muc, work, room, actor, query, success } = request;
  if (actor.affiliation !== 'owner') throw refusal(room, 'forbidden');
  const [payload, ...more] = childElements(query);
  if (payload === undefined || more.length > 0) throw new StanzaError('bad-request');
  if (payload.is('destroy', NS.mucOwner)) {
    const venue = payload.attrs['jid'] ?? '';
    const alternate = parseJid(venue);
    // Before the room is gone for good, its occupants with no word of where to go.
    if (venue !== '' && alternate === null) throw refusal(room, 'jid-malformed');
    destroy(muc, work, room, {
      jid: alternate?.bare,
      reason: child(payload, 'reason')?.getText(),
      password: child(payload, 'password')?.getText(),
    });
    success();
    return;
  }
  if (!payload.is('x', NS.dataForms)) throw new StanzaError('bad-request');
  const values = readSubmission(payload, configurationForm(room, muc.policy));
  if (values === null) {
    // §10.1.3: a cancelled creation ends the room; §10.2: a cancelled change changes nothing.
    if (room.locked) destroy(muc, work, room, {});
    success();
    return;
  }
  apply(request, values);
}

function apply(request: RoomRequest, values: Readonly<Record<string, FieldValue>>): void {
  const { muc, work, room, actor, success } = request;
  const before = room.config;
  const config = submittedConfig(before, values);
  const lists = submittedLists(room, values);
  const created = room.locked;
  room.config = config;
  room.locked = false;
  work.saveRoom(room);
  success();
  broadcastingChanged(work, room, before);
  changeAffiliations(muc, work, room, actor, lists);
  if (before.moderated !== config.moderated) moderationChanged(work, room);
  if (config.membersOnly && !before.membersOnly) removeNonMembers(muc, work, room);
  notify(muc, work, room, before, config, created);
  muc.emptied(work, room);
}

/** §10: the full lists, not the delta. What would leave the room without owner is refused. */
function submittedLists(room: Room, values: Readonly<Record<string, FieldValue>>): Map<string, Affiliation> {
  const changes = new Map<string, Affiliation>();
  const take = (field: string, affiliation: Affiliation): void => {
    const value = values[field];
    if (!Array.isArray(value)) return;
    const wanted = new Set<string>();
    for (const text of value as readonly string[]) {
      const jid = parseJid(text);
      if (jid === null || jid.local === '')
        throw new StanzaError('not-acceptable', { text: `${text} is no account` });
      wanted.add(jid.bare);
    }
    for (const [jid] of room.withAffiliation(affiliation)) {
      if (!wanted.has(jid) && !changes.has(jid)) changes.set(jid, affiliation === 'owner' ? 'admin' : 'none');
    }
    for (const jid of wanted) {
      if (room.affiliations.get(jid)?.affiliation === affiliation) changes.delete(jid);
      else changes.set(jid, affiliation);
    }
  };
  take('muc#roomconfig_roomadmins', 'admin');
  take('muc#roomconfig_roomowners', 'owner');
  const owners = new Set(room.owners);
  for (const [jid, affiliation] of changes) {
    if (affiliation === 'owner') owners.add(jid);
    else owners.delete(jid);
  }
  if (owners.size === 0) throw refusal(room, 'conflict');
  checkPlaces(
    room,
    [...changes.keys()].map((bare) => ({ bare })),
  );
  return changes;
}

function changeAffiliations(
  muc: Muc,
  work: Work,
  room: Room,
  actor: Actor,
  changes: Map<string, Affiliation>,
): void {
  for (const [jid, affiliation] of changes) {
    const was = room.affiliationOf(jid);
    room.setAffiliation(jid, affiliation, room.reservedNick(jid));
    let present = false;
    for (const occupant of [...room.occupants.values()]) {
      if (occupant.bare !== jid) continue;
      present = true;
      affiliationChanged(muc, work, room, occupant, was, actor.nick, undefined);
    }
    if (!present) tellOfAbsent(muc, work, room, { actor, bare: jid, was, is: affiliation });
  }
}

/** Visitors of a room that is no longer moderated may speak (§5.1.1 note **). */
function moderationChanged(work: Work, room: Room): void {
  room.voice.clear();
  if (room.config.moderated) return;
  for (const occupant of room.occupants.values()) {
    if (occupant.role !== 'visitor') continue;
    occupant.role = 'participant';
    work.saveOccupant(room, occupant.sessions);
    broadcastRoleChange(work, room, occupant, 'visitor');
  }
}

/** §5.1.1, `presencebroadcast`: whose role is broadcast from now on appears, whose is not any more goes. */
function broadcastingChanged(work: Work, room: Room, before: RoomConfig): void {
  const shown: readonly string[] = before.presenceBroadcast;
  for (const occupant of room.occupants.values()) {
    const is = room.broadcasts(occupant.role);
    if (is === shown.includes(occupant.role)) continue;
    const telling = is ? {} : ({ type: 'unavailable', role: 'none', payload: '' } as const);
    tellOthers(work, room, occupant, telling, room.sessions.values());
  }
}

/** §10.2: with 322, to those removed and those who stay. */
function removeNonMembers(muc: Muc, work: Work, room: Room): void {
  for (const occupant of [...room.occupants.values()]) {
    if (room.affiliationOf(occupant.bare) === 'none')
      removeOccupant(muc, work, room, occupant, { statuses: [322] });
  }
}

/** §10.2.1 Notification of Configuration Changes. A first configuration is news only as far as it concerns privacy. */
function notify(
  muc: Muc,
  work: Work,
  room: Room,
  before: RoomConfig,
  after: RoomConfig,
  created: boolean,
): void {
  const statuses: number[] = [];
  if (after.logging !== before.logging) statuses.push(after.logging ? 170 : 171);
  if (after.whois !== before.whois) statuses.push(after.whois === 'anyone' ? 172 : 173);
  const rest = { logging: after.logging, whois: after.whois };
  if (!created && JSON.stringify({ ...before, ...rest }) !== JSON.stringify(after)) statuses.push(104);
  if (statuses.length > 0) notifyStatuses(muc, work, room, statuses);
}
