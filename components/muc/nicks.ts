import { type Muc, refusal } from './context.js';
import type { Room } from './rooms/room.js';

/**
 * The nick under which this account may go (§7.2.8, §7.10, §17.1): the one asked for, without white space at its ends,
 * or the registered one where the room holds people to it. The caller says 210 where it differs.
 */
export function checkedNick(muc: Muc, room: Room, bare: string, asked: string): string {
  let nick = asked.trim();
  // §17.1: neither empty nor invisible.
  if (nick === '' || /^[\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]*$/u.test(nick))
    throw refusal(room, 'not-acceptable', { type: 'modify', text: 'A nickname must be visible' });
  if ([...nick].length > muc.policy.nickLength)
    throw refusal(room, 'not-acceptable', {
      type: 'modify',
      text: `A nickname may have ${muc.policy.nickLength} characters`,
    });
  const reserved = room.reservedNick(bare);
  if (reserved !== undefined && room.config.lockNicks) nick = reserved;
  const taken = room.occupantLike(nick);
  // §7.2.8: the same account under the same nick is one occupant with several sessions.
  if (taken !== undefined && taken.bare !== bare) throw refusal(room, 'conflict');
  if (room.nickReservedByOther(nick, bare)) throw refusal(room, 'conflict');
  return taken?.nick ?? nick;
}
