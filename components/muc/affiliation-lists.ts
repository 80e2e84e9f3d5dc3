import { escapeAttribute } from '../../shared/xml/escape.js';
import type { AdminItem } from './admin-items.js';
import { tellOfChange } from './affiliation-change-notice.js';
import type { Muc } from './context.js';
import { sendInvitation } from './invitations.js';
import { acceptableNick } from './nicks.js';
import { checkPlaces } from './places.js';
import { broadcastPresence, broadcastRoleChange } from './presence.js';
import { refusal } from './refusal.js';
import { removeOccupant } from './removal.js';
import type { Actor } from './role-lists.js';
import { type Affiliation, affiliationChangeRefusal, atLeast, roleAfter } from './rooms/privileges.js';
import { nickKey, type Occupant, type Room } from './rooms/room.js';
import { itemElement, template, userElement } from './wire.js';
import type { Work } from './work.js';

/** A longer list is told without its reasons: servers have limits on what a component may say at once. */
const LIST_CHARACTERS = 300_000;

export type AffiliationItem = Extract<AdminItem, { kind: 'affiliation' }>;

/** XEP-0045 §9.1–9.5, §10.3–10.8, checked together: "SHOULD NOT apply any of the requested changes" if one is refused. */
export function checkAffiliationChanges(
  muc: Muc,
  room: Room,
  actor: Actor,
  items: readonly AffiliationItem[],
): void {
  const owners = new Set(room.owners);
  /** The nicks that this very request reserves. */
  const reserving = new Map<string, string>();
  for (const { bare, affiliation, nick } of items) {
    const held = room.affiliationOf(bare);
    const refused = affiliationChangeRefusal(actor.affiliation, held, affiliation, bare === actor.bare);
    if (refused !== null) throw refusal(room, refused);
    // Who is left without affiliation, or banned, reserves nothing: the nick does not matter.
    if (nick !== undefined && nick !== '' && atLeast(affiliation, 'member')) {
      acceptableNick(muc, room, nick);
      const present = room.occupantLike(nick);
      const rival = reserving.get(nickKey(nick)) ?? bare;
      if (
        room.nickReservedByOther(nick, bare) ||
        (present !== undefined && present.bare !== bare) ||
        rival !== bare
      )
        throw refusal(room, 'conflict');
      reserving.set(nickKey(nick), bare);
    }
    if (affiliation === 'owner') owners.add(bare);
    else owners.delete(bare);
  }
  checkPlaces(
    room,
    items
      .filter(({ affiliation }) => affiliation !== 'none')
      // Who is banned has no nick, and nobody else a reason.
      .map(({ bare, affiliation, nick, reason }) =>
        affiliation === 'outcast' ? { bare, nick: '', reason } : { bare, nick },
      ),
  );
  // §10: "Every room MUST have at least one owner".
  if (owners.size === 0 && room.owners.length > 0) throw refusal(room, 'conflict');
}

/** Applies what was checked and tells everybody it concerns. */
export function applyAffiliationChange(
  muc: Muc,
  work: Work,
  room: Room,
  actor: Actor,
  item: AffiliationItem,
): void {
  const { bare, affiliation, reason } = item;
  const before = new Map<string, Affiliation>();
  for (const occupant of room.occupants.values()) {
    if (concerns(bare, occupant)) before.set(occupant.bare, room.affiliationOf(occupant.bare));
  }
  const held = room.affiliationOf(bare);
  const entry = room.affiliations.get(bare);
  const nick = item.nick === '' ? undefined : (item.nick ?? entry?.nick);
  room.setAffiliation(bare, affiliation, nick, reason);
  room.registrations.delete(bare);
  work.saveRoom(room);

  let present = false;
  for (const occupant of [...room.occupants.values()]) {
    if (!concerns(bare, occupant)) continue;
    present = true;
    const was = before.get(occupant.bare) ?? 'none';
    // §9.2: a ban of the domain is not one of those on the room's lists.
    if (occupant.bare !== bare && was === room.affiliationOf(occupant.bare)) continue;
    affiliationChanged(muc, work, room, occupant, was, actor.nick, reason);
  }
  if (!present && held !== affiliation)
    tellOfAbsent(muc, work, room, { actor, bare, was: held, is: affiliation });
}

function concerns(bare: string, occupant: Occupant): boolean {
  return occupant.bare === bare || (!bare.includes('@') && occupant.bare.endsWith(`@${bare}`));
}

/** An occupant's affiliation is another one now: role, presence or removal follow (§5.1.3, §9.1, §9.4). */
export function affiliationChanged(
  muc: Muc,
  work: Work,
  room: Room,
  occupant: Occupant,
  was: Affiliation,
  actor: string | undefined,
  reason: string | undefined,
): void {
  const is = room.affiliationOf(occupant.bare);
  if (is === 'outcast') {
    removeOccupant(muc, work, room, occupant, { statuses: [301], affiliation: is, actor, reason });
    return;
  }
  const role = roleAfter(occupant.role, was, is, room.config);
  if (role === 'none') {
    // §9.4: only the removal, not the loss of membership before it.
    removeOccupant(muc, work, room, occupant, { statuses: [321], affiliation: is, actor, reason });
    return;
  }
  const told = reason === undefined ? {} : { reason };
  if (role === occupant.role) {
    broadcastPresence(work, room, occupant, told);
    return;
  }
  const before = occupant.role;
  occupant.role = role;
  work.saveOccupant(room, occupant.sessions);
  broadcastRoleChange(work, room, occupant, before, told);
}

/**
 * Nobody of that account is in the room. The occupants who see real JIDs learn of it; the account itself is invited to a
 * members-only room (§9.5) or told by a message with 101 (§18.1 item 2). Somebody who is banned is told when trying to
 * enter.
 */
export function tellOfAbsent(
  muc: Muc,
  work: Work,
  room: Room,
  change: {
    readonly actor: Actor;
    readonly bare: string;
    readonly was: Affiliation;
    readonly is: Affiliation;
  },
): void {
  const { actor, bare, was, is } = change;
  // Who was and is not on a list that occupants may read is nobody's business: the ban list is for admins (§9.2).
  if (atLeast(was, 'member') || atLeast(is, 'member')) tellOfChange(muc, work, room, bare, is);
  if (is === 'outcast' || was === 'outcast' || !bare.includes('@')) return;
  if (room.config.membersOnly && is === 'member' && was === 'none') {
    sendInvitation(muc, work, room, { from: actor.bare, to: bare });
    return;
  }
  const text = template(
    { name: 'message', from: room.address, id: muc.newId() },
    userElement(itemElement({ affiliation: is }), [101]),
  );
  work.broadcastTo(text, [escapeAttribute(bare)]);
}

/** XEP-0045 §9.2, §9.5, §10.5, §10.8: who has an affiliation. */
export function affiliationList(room: Room, actor: Actor, affiliation: Affiliation): string {
  if (!mayRead(room, actor, affiliation)) throw refusal(room, 'forbidden');
  const items = (withReasons: boolean): string => {
    let text = '';
    // §17.4 rule 6: no role; the nick where there is one.
    for (const [jid, { nick, reason }] of room.withAffiliation(affiliation))
      text += itemElement({ affiliation, jid, nick, reason: withReasons ? reason : undefined });
    return text;
  };
  const whole = items(true);
  return whole.length > LIST_CHARACTERS ? items(false) : whole;
}

function mayRead(room: Room, actor: Actor, affiliation: Affiliation): boolean {
  if (affiliation === 'outcast') return atLeast(actor.affiliation, 'admin');
  if (actor.affiliation === 'owner') return true;
  const nonAnonymous = room.config.whois === 'anyone';
  if (affiliation === 'member') {
    if (atLeast(actor.affiliation, 'admin')) return true;
    // §5.2.1 note: where JIDs are hidden, the list would show them. A moderator sees them anyway.
    if (!nonAnonymous && actor.role !== 'moderator') return false;
    const listed = room.config.memberList as readonly string[];
    if (actor.role !== 'none') return listed.includes(actor.role) || actor.affiliation === 'member';
    return actor.affiliation === 'member';
  }
  // §10.5, §10.8: forbidden in semi-anonymous rooms; else as the member list.
  return nonAnonymous && (actor.role !== 'none' || atLeast(actor.affiliation, 'member'));
}
