import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';

/** RFC 6121 §8.5.2.1.1: available, and not with a negative priority. */
export function takesMessages(session: Session): boolean {
  return !session.ended && session.available && session.priority >= 0;
}

/** The one that gets what nobody has: of the highest priority, where new messages go, too. */
export function foremost(account: AccountState): Session | undefined {
  let best: Session | undefined;
  for (const session of account.sessions) {
    if (takesMessages(session) && (best === undefined || session.priority > best.priority)) best = session;
  }
  return best;
}
