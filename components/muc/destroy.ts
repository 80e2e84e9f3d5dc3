import type { Muc } from './context.js';
import { presenceTemplate } from './presence.js';
import type { Room } from './rooms/room.js';
import { attribute, textElement } from './wire.js';
import type { Work } from './work.js';

interface Destruction {
  /** The alternate venue. */
  readonly jid?: string | undefined;
  readonly reason?: string | undefined;
  readonly password?: string | undefined;
  /** The id of the presence by which the only occupant of an unconfigured room leaves it. */
  readonly id?: string | undefined;
}

/** XEP-0045 §10.9 Destroying a Room: one presence to each occupant, then the room is gone. */
export function destroy(muc: Muc, work: Work, room: Room, destruction: Destruction): void {
  const inner = textElement('password', destruction.password) + textElement('reason', destruction.reason);
  const start = `<destroy${attribute('jid', destruction.jid)}`;
  const extra = inner === '' ? `${start}/>` : `${start}>${inner}</destroy>`;
  dismiss(work, room, extra, [], destruction.id);
  muc.end(work, room);
}

/** §11.2: everybody out, since the service closes. The room itself stays as it is, if it is persistent. */
export function closeRoom(muc: Muc, work: Work, room: Room): void {
  dismiss(work, room, '', [332]);
  muc.emptied(work, room);
}

function dismiss(work: Work, room: Room, extra: string, statuses: readonly number[], id?: string): void {
  for (const occupant of room.occupants.values()) {
    // The examples show affiliation 'none': to nobody does it matter any more what it was.
    const telling = {
      type: 'unavailable',
      affiliation: 'none',
      role: 'none',
      payload: '',
      extra,
      statuses,
      ...(id === undefined ? {} : { id }),
    } as const;
    const text = presenceTemplate(room, occupant, telling, false, [110]);
    for (const session of occupant.sessions) work.sendTo(text, session);
  }
  for (const session of [...room.sessions.values()]) {
    room.removeSession(session);
    work.saveSession(room, session);
  }
}
