import type { Element } from '../../shared/xml/element.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import type { Muc } from './context.js';
import type { Actor } from './role-lists.js';
import type { Room } from './rooms/room.js';
import type { Work } from './work.js';

/** An IQ of type set to a room (XEP-0045 §17.4 rule 1), as the use case that it is for gets it. */
export interface RoomRequest {
  readonly muc: Muc;
  readonly work: Work;
  readonly room: Room;
  /** Who asks, and what the room knows of that. */
  readonly from: Jid;
  readonly actor: Actor;
  readonly query: Element;
  /** Sends the result, once: when the use case has ended at the latest. */
  readonly success: () => void;
}
