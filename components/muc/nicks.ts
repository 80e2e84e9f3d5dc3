import type { Muc } from './context.js';
import { refusal } from './refusal.js';
import type { Occupant, Room } from './rooms/room.js';

/** §17.1, §14.6: a nick without white space at its ends, which can be seen and is not too long; throws otherwise. */
export function acceptableNick(muc: Muc, room: Room, asked: string): string {
  const nick = asked.trim();
  if (nick === '' || /^[\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]*$/u.test(nick))
    throw refusal(room, 'not-acceptable', { type: 'modify', text: 'A nickname must be visible' });
  if ([...nick].length > muc.policy.nickLength)
    throw refusal(room, 'not-acceptable', {
      type: 'modify',
      text: `A nickname may have ${muc.policy.nickLength} characters`,
    });
  return nick;
}

/**
 * The nick under which this account may go (§7.2.8, §7.10, §17.1): the one asked for, without white space at its ends,
 * or the registered one where the room holds people to it. The caller says 210 where it differs.
 * `renamed`: the occupant who asks for another one.
 */
export function checkedNick(muc: Muc, room: Room, bare: string, asked: string, renamed?: Occupant): string {
  let nick = acceptableNick(muc, room, asked);
  const reserved = room.reservedNick(bare);
  if (reserved !== undefined && room.config.lockNicks) nick = reserved;
  const taken = room.occupantLike(nick);
  // §7.2.8: the same account under the same nick is one occupant with several sessions.
  if (taken !== undefined && taken.bare !== bare) throw refusal(room, 'conflict');
  if (room.nickReservedByOther(nick, bare)) throw refusal(room, 'conflict');
  // §7.6: one's own nick in another spelling is a nick like any other, unless sessions stay under the old one.
  if (taken === renamed && renamed?.sessions.length === 1) return nick;
  return taken?.nick ?? nick;
}
