import { forgetOldest } from '../../shared/forget-oldest.js';
import { type Element, xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { AdminItem } from './admin-items.js';
import type { Muc } from './context.js';
import { broadcastRoleChange } from './presence.js';
import { refusal } from './refusal.js';
import { removeOccupant } from './removal.js';
import { atLeast, initialRole, type Role, roleChangeRefusal, type Standing } from './rooms/privileges.js';
import type { Occupant, Room } from './rooms/room.js';
import { itemElement } from './wire.js';
import type { Work } from './work.js';

type RoleItem = Extract<AdminItem, { kind: 'role' }>;

/** Who asks: in the room or not. */
export interface Actor extends Standing {
  readonly bare: string;
  readonly nick: string | undefined;
}

/** XEP-0045 §8.2–8.4, §9.6, §9.7, checked: throws where the change is not the actor's to make. */
export function checkRoleChange(room: Room, actor: Actor, item: RoleItem): Occupant {
  const target = room.occupants.get(item.nick);
  if (target === undefined) throw refusal(room, 'item-not-found', { type: 'cancel' });
  const refused = roleChangeRefusal(
    actor,
    { role: target.role, affiliation: room.affiliationOf(target.bare) },
    item.role,
    target.bare === actor.bare,
  );
  if (refused === 'not-allowed' && item.role === 'visitor') throw new VoiceNotRevoked(room, item);
  if (refused !== null) throw refusal(room, refused);
  return target;
}

/** XEP-0045 §8.4: the refusal to revoke somebody's voice names the offending item. */
export class VoiceNotRevoked extends StanzaError {
  readonly offending: Element;

  constructor(room: Room, item: RoleItem) {
    super('not-allowed', { by: room.jid.bare });
    const { nick, role } = item;
    this.offending = xml('query', { xmlns: NS.mucAdmin }, xml('item', { nick, role }));
  }
}

/** Applies what was checked. A kick tells the kicked, calls `success`, and then tells the others (§8.2). */
export function applyRoleChange(
  muc: Muc,
  work: Work,
  room: Room,
  actor: Actor,
  item: RoleItem,
  success: () => void,
): void {
  const target = room.occupants.get(item.nick);
  if (target === undefined) return;
  if (item.role === 'none') {
    removeOccupant(muc, work, room, target, {
      statuses: [307],
      actor: actor.nick,
      reason: item.reason,
      between: success,
    });
    return;
  }
  success();
  changeRole(work, room, target, item.role, item.reason);
}

/** Of one room, which is one document: the oldest are forgotten. */
const MOST_VOICES = 20_000;

/** Gives a role, remembers voice in moderated rooms (§5.1), and tells everybody. */
export function changeRole(work: Work, room: Room, target: Occupant, role: Role, reason?: string): void {
  const before = target.role;
  target.role = role;
  work.saveOccupant(room, target.sessions);
  if (room.config.moderated && (role === 'visitor' || role === 'participant')) {
    const usual = initialRole(room.affiliationOf(target.bare), room.config);
    if (role === usual) room.voice.delete(target.bare);
    else {
      room.voice.set(target.bare, role);
      forgetOldest(room.voice, MOST_VOICES);
    }
    work.saveRoom(room);
  }
  broadcastRoleChange(work, room, target, before, {
    nick: target.nick,
    ...(reason === undefined ? {} : { reason }),
  });
}

/** XEP-0045 §8.5, §9.8: who has a role now. */
export function roleList(room: Room, actor: Actor, role: Role): string {
  const allowed = atLeast(actor.affiliation, 'admin') || (role !== 'moderator' && actor.role === 'moderator');
  if (!allowed) throw refusal(room, 'forbidden');
  let items = '';
  for (const occupant of room.occupants.values()) {
    if (occupant.role !== role) continue;
    items += itemElement({
      affiliation: room.affiliationOf(occupant.bare),
      role,
      nick: occupant.nick,
      jid: occupant.primary.jid.full,
    });
  }
  return items;
}
