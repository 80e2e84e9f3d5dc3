import type { Muc } from './context.js';
import { broadcastPresence, tellOthers, tellSelf } from './presence.js';
import type { Affiliation } from './rooms/privileges.js';
import type { Occupant, Room, Session } from './rooms/room.js';
import type { Work } from './work.js';

/** Why somebody is no longer in the room, as the presence says it. */
interface Removal {
  readonly statuses?: readonly number[];
  readonly affiliation?: Affiliation;
  /** The nick of whoever did it: told to the removed only. */
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
  /** Inner XML of the last presence: `<status/>` of a farewell. */
  readonly payload?: string;
  readonly lang?: string | undefined;
  /** The id of the presence by which a session leaves: its own last presence has it, as with `muc#stable_id`. */
  readonly id?: string | undefined;
  /** Called between the removed and the remaining (§8.2: there the moderator is told of success). */
  readonly between?: () => void;
}

/** Takes an occupant out with all its sessions: tells them, then the others (XEP-0045 §7.14, §8.2, §9.1). */
export function removeOccupant(muc: Muc, work: Work, room: Room, occupant: Occupant, removal: Removal): void {
  const sessions = [...occupant.sessions];
  const visible = room.broadcasts(occupant.role);
  const told = {
    type: 'unavailable' as const,
    role: 'none' as const,
    payload: removal.payload ?? '',
    lang: removal.lang,
    jid: occupant.primary.jid.full,
    ...(removal.statuses === undefined ? {} : { statuses: removal.statuses }),
    ...(removal.affiliation === undefined ? {} : { affiliation: removal.affiliation }),
    ...(removal.reason === undefined ? {} : { reason: removal.reason }),
  };
  const own = {
    ...told,
    ...(removal.actor === undefined ? {} : { actor: removal.actor }),
    ...(removal.id === undefined ? {} : { id: removal.id }),
  };
  for (const session of sessions)
    tellSelf(work, room, occupant, { ...own, jid: session.jid.full }, [session]);
  for (const session of sessions) {
    room.removeSession(session);
    work.saveSession(room, session);
  }
  removal.between?.();
  if (visible) tellOthers(work, room, occupant, told, room.sessions.values());
  muc.emptied(work, room);
}

/** Takes one session out; the occupant stays while it has others (§7.2.8). */
export function removeSession(muc: Muc, work: Work, room: Room, session: Session, removal: Removal): void {
  const { occupant } = session;
  if (occupant.sessions.length === 1) {
    removeOccupant(muc, work, room, occupant, removal);
    return;
  }
  const before = occupant.primary;
  tellSelf(
    work,
    room,
    occupant,
    {
      type: 'unavailable',
      role: 'none',
      payload: removal.payload ?? '',
      lang: removal.lang,
      ...(removal.statuses === undefined ? {} : { statuses: removal.statuses }),
      ...(removal.id === undefined ? {} : { id: removal.id }),
    },
    [session],
  );
  room.removeSession(session);
  work.saveSession(room, session);
  if (occupant.primary !== before) broadcastPresence(work, room, occupant);
}
