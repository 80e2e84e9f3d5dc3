import type { Muc } from './context.js';
import type { Room } from './rooms/room.js';
import { template, userElement } from './wire.js';
import type { Work } from './work.js';

/** Tells all occupants by status codes what has changed about the room (XEP-0045 §10.2.1). */
export function notifyStatuses(muc: Muc, work: Work, room: Room, statuses: readonly number[]): void {
  work.broadcast(
    template(
      { name: 'message', from: room.address, type: 'groupchat', id: muc.newId() },
      userElement('', statuses),
    ),
    room.sessions.values(),
  );
}
