import type { Muc } from './context.js';
import { refusal } from './refusal.js';
import type { Room, Session } from './rooms/room.js';

/** Takes one of the session's tokens (§14.6: rapid and repeated messages and presence changes). */
export function spend(muc: Muc, room: Room, session: Session): void {
  const { rate, burst } = muc.policy;
  if (rate === 0) return;
  const now = muc.ticks();
  session.tokens = Math.min(burst, session.tokens + ((now - session.tokensAt) * rate) / 1000);
  session.tokensAt = now;
  if (session.tokens < 1)
    throw refusal(room, 'resource-constraint', { text: `No more than ${rate} a second, please` });
  session.tokens -= 1;
}
