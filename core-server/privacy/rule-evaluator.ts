import type { Jid } from '../../shared/xmpp/jid.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';

/** What XEP-0016 §2.10 tells apart; `other` is what no list can block (subscription presence is `other` too, §2.10). */
export type RuleStanzaKind = 'message' | 'iq' | 'presence-in' | 'presence-out' | 'other';

/** `blocked` is a denial that the block list (XEP-0191) caused: it has an error of its own. */
export type RuleVerdict = 'allow' | 'deny' | 'blocked';

/** The compiled privacy lists of one account (XEP-0016 §2.2–2.13 as one pure function). */
export interface RuleEvaluator {
  /**
   * Whether `peer` and the account may exchange this. `session` is the one that sends or would receive it, so that its
   * active list applies; null means the default list (no session takes part, as for offline storage).
   */
  evaluate(
    direction: 'in' | 'out',
    kind: RuleStanzaKind,
    peer: Jid,
    account: AccountState,
    session: Session | null,
  ): RuleVerdict;
}
