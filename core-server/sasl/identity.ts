import { type BareJid, type Domain, type Jid, parseJid } from '../../shared/xmpp/jid.js';
import { prepareQuery } from '../accounts/password-preparation.js';
import type { Standing } from '../accounts/standing.js';
import { failure, type SaslFailure } from './mechanism.js';

/**
 * The account that a simple user name stands for: its localpart, after SASLprep (RFC 5802 §5.1, RFC 4616 §2,
 * RFC 6120 §6.3.7). `null` where it cannot be one.
 */
export function accountOf(username: string, domain: Domain): BareJid | null {
  const prepared = prepareQuery(username);
  if (prepared === null || /[@/]/.test(prepared)) return null;
  return parseJid(`${prepared}@${domain}`)?.bare ?? null;
}

/**
 * The authorization identity of a client: a bare JID (RFC 6120 §6.3.8). `undefined` when it gave none, `null` when
 * it is none: `invalid-authzid`.
 */
export function parseAuthorizationId(text: string | undefined): Jid | null | undefined {
  if (text === undefined || text === '') return undefined;
  const address = parseJid(text);
  return address?.isBare && address.local !== '' ? address : null;
}

/** What an account that has proven its password is told when it may not log in; null when it may. */
export function refusalOf(standing: Standing, claimed: string): SaslFailure | null {
  if (standing === 'active') return null;
  if (standing === 'disabled') return failure('account-disabled', undefined, claimed); // RFC 6120 §6.5.2
  if (standing === 'expired') return failure('credentials-expired', undefined, claimed); // RFC 6120 §6.5.3
  return failure('not-authorized', undefined, claimed);
}
