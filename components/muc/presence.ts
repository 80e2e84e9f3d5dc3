import type { Affiliation, Role } from './rooms/privileges.js';
import type { Occupant, Room, Session } from './rooms/room.js';
import { itemElement, occupantIdElement, type Template, template, userElement } from './wire.js';
import type { Work } from './work.js';

/** How an occupant's presence is told this time (XEP-0045 §7.2.2). Everything absent is as it stands. */
interface Telling {
  /** The address it comes from, where it is not the present one (nick change). */
  readonly from?: string;
  readonly type?: 'unavailable';
  readonly affiliation?: Affiliation;
  readonly role?: Role;
  /** The full JID in the item, shown to those who may see it. */
  readonly jid?: string;
  readonly payload?: string;
  /** The `xml:lang` of `payload`. */
  readonly lang?: string | undefined;
  readonly statuses?: readonly number[];
  /** The new nick (303), or the nick of whoever got a role. */
  readonly nick?: string;
  readonly actor?: string;
  readonly reason?: string;
  /** Inside the muc#user element, after the item: `<destroy/>`. */
  readonly extra?: string;
  readonly id?: string;
}

/** The text for those who see the real JID, or do not; `self` adds status 110. */
export function presenceTemplate(
  room: Room,
  occupant: Occupant,
  telling: Telling,
  open: boolean,
  selfStatuses: readonly number[] | null,
): Template {
  const item = itemElement({
    affiliation: telling.affiliation ?? room.affiliationOf(occupant.bare),
    role: telling.role ?? occupant.role,
    jid: open ? (telling.jid ?? occupant.primary.jid.full) : undefined,
    nick: telling.nick,
    actor: telling.actor,
    reason: telling.reason,
  });
  const statuses = selfStatuses === null ? telling.statuses : [...(telling.statuses ?? []), ...selfStatuses];
  return template(
    {
      name: 'presence',
      from: telling.from ?? occupant.address,
      type: telling.type,
      id: telling.id,
      lang: telling.payload === undefined ? occupant.primary.lang : telling.lang,
    },
    (telling.payload ?? occupant.primary.presence) +
      userElement(item + (telling.extra ?? ''), statuses) +
      occupantIdElement(occupant.id),
  );
}

/** Tells `viewers` about an occupant who is not one of them: at most two texts, by who sees the real JID. */
export function tellOthers(
  work: Work,
  room: Room,
  occupant: Occupant,
  telling: Telling,
  viewers: Iterable<Session>,
): void {
  const open: Session[] = [];
  const anonymous: Session[] = [];
  for (const viewer of viewers) {
    if (viewer.occupant === occupant) continue;
    (room.showsJids(viewer.occupant.role) ? open : anonymous).push(viewer);
  }
  if (open.length > 0) work.broadcast(presenceTemplate(room, occupant, telling, true, null), open);
  if (anonymous.length > 0) work.broadcast(presenceTemplate(room, occupant, telling, false, null), anonymous);
}

/** Self-presence: always with status 110 (§7.2.2). */
export function tellSelf(
  work: Work,
  room: Room,
  occupant: Occupant,
  telling: Telling,
  sessions: Iterable<Session>,
  statuses: readonly number[] = [],
): void {
  const open = room.showsJids(
    telling.type === 'unavailable' ? occupant.role : (telling.role ?? occupant.role),
  );
  for (const session of sessions)
    work.sendTo(
      presenceTemplate(room, occupant, { jid: session.jid.full, ...telling }, open, [110, ...statuses]),
      session,
    );
}

/**
 * An occupant's presence as it stands now, to everybody who may see it: those of others if its role is broadcast
 * (§5.1.1), and always to itself.
 */
export function broadcastPresence(
  work: Work,
  room: Room,
  occupant: Occupant,
  telling: Telling = {},
  self: { statuses?: readonly number[]; own?: readonly Session[] } = {},
): void {
  occupant.shown.open = occupant.shown.anonymous = null;
  if (room.broadcasts(occupant.role)) tellOthers(work, room, occupant, telling, room.sessions.values());
  tellSelf(work, room, occupant, telling, self.own ?? occupant.sessions, self.statuses);
}

/** After a change of role: whoever could see the occupant until now and no longer can is told it has gone. */
export function broadcastRoleChange(
  work: Work,
  room: Room,
  occupant: Occupant,
  before: Role,
  telling: Telling = {},
): void {
  broadcastPresence(work, room, occupant, telling);
  if (room.broadcasts(before) && !room.broadcasts(occupant.role)) {
    const gone: Telling = { type: 'unavailable', role: 'none', payload: '' };
    tellOthers(work, room, occupant, gone, room.sessions.values());
  }
}

/** §7.2.2: everybody's presence to a newcomer, all before its own. */
export function sendRoster(work: Work, room: Room, newcomer: Session): void {
  const open = room.showsJids(newcomer.occupant.role);
  for (const occupant of room.occupants.values()) {
    if (occupant === newcomer.occupant || !room.broadcasts(occupant.role)) continue;
    const made = open ? occupant.shown.open : occupant.shown.anonymous;
    const text = made ?? presenceTemplate(room, occupant, {}, open, null);
    if (made === null) {
      if (open) occupant.shown.open = text;
      else occupant.shown.anonymous = text;
    }
    work.sendTo(text, newcomer);
  }
}
