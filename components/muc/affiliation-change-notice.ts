import type { Muc } from './context.js';
import type { Affiliation } from './rooms/privileges.js';
import type { Room } from './rooms/room.js';
import { itemElement, template, userElement } from './wire.js';
import type { Work } from './work.js';

/**
 * Tells the occupants who see real JIDs of the new affiliation of somebody who is not in the room (XEP-0045 §10.3–10.7
 * MAY for owners and admins; clients that encrypt for the members of a room, as those of XEP-0384 do, need it for all).
 */
export function tellOfChange(muc: Muc, work: Work, room: Room, bare: string, is: Affiliation): void {
  const item = itemElement({ affiliation: is, role: 'none', jid: bare });
  const viewers = [...room.sessions.values()].filter((viewer) => room.showsJids(viewer.occupant.role));
  work.broadcast(
    template({ name: 'message', from: room.address, id: muc.newId() }, userElement(item)),
    viewers,
  );
}
