import type { Stanza } from '../../shared/xml/stanza.js';
import type { Muc } from './context.js';
import { checkPlace, presencePayload, priorityOf } from './entering.js';
import { checkedNick } from './nicks.js';
import { broadcastPresence, tellOthers, tellSelf } from './presence.js';
import { spend } from './rate.js';
import { refusal } from './refusal.js';
import { Occupant, type Room, type Session } from './rooms/room.js';
import type { Work } from './work.js';

/** XEP-0045 §7.6 Changing Nickname. Of several sessions under one nick only the one that asked goes along. */
export function changeNick(
  muc: Muc,
  work: Work,
  room: Room,
  session: Session,
  asked: string,
  stanza: Stanza,
): void {
  spend(muc, room, session);
  const { occupant } = session;
  const reserved = room.reservedNick(occupant.bare);
  if (room.config.lockNicks && reserved !== undefined && asked !== reserved)
    throw refusal(room, 'not-acceptable', { type: 'cancel' });
  const nick = checkedNick(muc, room, occupant.bare, asked, occupant);
  const joined = room.occupants.get(nick);
  const leaves = occupant.sessions.length === 1;
  // A session that goes alone may be one occupant more (§7.2.9).
  if (joined !== occupant && (joined !== undefined || !leaves)) checkPlace(muc, room, occupant.bare, joined);
  session.presence = presencePayload(stanza);
  session.lang = stanza.lang;
  session.priority = priorityOf(stanza);
  session.updated = ++room.updates;
  const statuses = nick === asked ? [] : [210];
  const id = stanza.id === undefined ? {} : { id: stanza.id };
  if (nick === occupant.nick) {
    work.saveSession(room, session);
    broadcastPresence(work, room, occupant, {}, { statuses });
    return;
  }
  const visible = room.broadcasts(occupant.role);
  const old = { type: 'unavailable' as const, payload: '', nick, statuses: [303], jid: session.jid.full };
  // Others keep seeing a nick under which a session stays.
  if (leaves && visible) tellOthers(work, room, occupant, old, room.sessions.values());
  tellSelf(work, room, occupant, { ...old, from: occupant.address }, [session]);
  if (leaves && joined === undefined) {
    room.renameOccupant(occupant, nick);
    work.saveSession(room, session);
    const own = occupant.sessions.filter((one) => one !== session);
    broadcastPresence(work, room, occupant, {}, { own });
    tellSelf(work, room, occupant, id, [session], statuses);
    return;
  }
  room.removeSession(session);
  if (!leaves) broadcastPresence(work, room, occupant);
  const target = joined ?? new Occupant(room, nick, occupant.bare, occupant.id, occupant.role);
  if (joined === undefined) room.addOccupant(target);
  session.occupant = target;
  room.addSession(session);
  work.saveSession(room, session);
  // §7.2.2: to the session that left it, the nick is now that of another occupant.
  if (!leaves && visible) tellOthers(work, room, occupant, {}, [session]);
  broadcastPresence(work, room, target, {}, { own: target.sessions.filter((one) => one !== session) });
  tellSelf(work, room, target, id, [session], statuses);
}

/** XEP-0045 §7.7 Changing Availability Status. */
export function changeAvailability(muc: Muc, work: Work, room: Room, session: Session, stanza: Stanza): void {
  spend(muc, room, session);
  const { occupant } = session;
  const before = occupant.primary;
  session.presence = presencePayload(stanza);
  session.lang = stanza.lang;
  session.priority = priorityOf(stanza);
  session.updated = ++room.updates;
  work.saveSession(room, session);
  const id = stanza.id === undefined ? {} : { id: stanza.id };
  if (occupant.primary === session || occupant.primary !== before) {
    broadcastPresence(work, room, occupant, {}, { own: occupant.sessions.filter((one) => one !== session) });
  }
  tellSelf(work, room, occupant, id, [session]);
}
