import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import type { Origin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import type { RuleStanzaKind, RuleVerdict } from './rule-evaluator.js';

/**
 * Asks an account's privacy rules about one stanza. One look-up for everybody without lists. What the account and its own
 * server, or its own resources, say to each other is never subject to lists (XEP-0016 §2.1 footnote, §2.2), not even
 * where the server's domain is blocked: then that of its other users is meant.
 */
export function verdictOf(
  account: AccountState,
  session: Session | null,
  direction: 'in' | 'out',
  kind: RuleStanzaKind,
  peer: Jid | null | undefined,
): RuleVerdict {
  const rules = account.rules;
  if (rules === null || !peer) return 'allow';
  if (peer.local === '' && peer.domain === account.jid.domain) return 'allow';
  if (peer.bare === account.bare) return 'allow';
  return rules.evaluate(direction, kind, peer, account, session);
}

/**
 * An error that this server made in somebody's name for what the account had sent and was allowed to send: no word of a
 * blocked peer, so its sender hears it.
 */
export function isOwnRefusal(stanza: Stanza, origin: Origin): boolean {
  return origin.kind === 'local' && stanza.type === 'error';
}
