import type { Jid } from '../../shared/xmpp/jid.js';
import type { Origin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import type { RuleStanzaKind, RuleVerdict } from './rule-evaluator.js';

/**
 * Asks an account's privacy rules about one stanza. One look-up for everybody without lists. What this server says for
 * itself, and what an account's own resources exchange, is never subject to lists (XEP-0016 §2.2, §2.13).
 */
export function verdictOf(
  account: AccountState,
  session: Session | null,
  direction: 'in' | 'out',
  kind: RuleStanzaKind,
  peer: Jid | null | undefined,
  origin: Origin,
): RuleVerdict {
  const rules = account.rules;
  if (rules === null || !peer) return 'allow';
  if (origin.kind === 'local' && peer.local === '') return 'allow';
  if (peer.bare === account.bare) return 'allow';
  return rules.evaluate(direction, kind, peer, account, session);
}
