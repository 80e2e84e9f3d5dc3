import type { Stanza } from '../../shared/xml/stanza.js';
import type { Muc } from './context.js';
import { destroy } from './destroy.js';
import { presencePayload } from './entering.js';
import { isOversized } from './messages.js';
import { removeSession } from './removal.js';
import type { Room, Session } from './rooms/room.js';
import type { Work } from './work.js';

/**
 * XEP-0045 §7.14 Exiting a Room, with the farewell that the occupant may have added. Whoever leaves a room without
 * having configured it ends it (§10.1.3).
 */
export function leave(muc: Muc, work: Work, room: Room, session: Session, stanza: Stanza): void {
  if (room.locked && room.sessions.size === 1) {
    destroy(muc, work, room, { id: stanza.id });
    return;
  }
  // Nobody is kept in a room for the length of a farewell.
  const payload = isOversized(muc.policy.messageBytes, stanza) ? '' : presencePayload(stanza);
  removeSession(muc, work, room, session, { payload, lang: stanza.lang, id: stanza.id });
}
