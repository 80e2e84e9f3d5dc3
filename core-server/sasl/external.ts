import { type BareJid, type Domain, type Jid, parseJid } from '../../shared/xmpp/jid.js';
import { accountOf, parseAuthorizationId, refusalOf } from './identity.js';
import {
  failure,
  type SaslContext,
  type SaslMechanism,
  type SaslPolicy,
  type SaslStep,
} from './mechanism.js';
import { decodeUtf8Strict } from './utf8.js';

/** EXTERNAL with a client certificate (RFC 4422 Appendix A, XEP-0178 §2). */
export const external: SaslMechanism = {
  name: 'EXTERNAL',
  clientFirst: true,
  refusal({ clientCertificate, domain, policy, secure }) {
    if (policy.external === 'off') return 'invalid-mechanism';
    if (!secure) return 'encryption-required';
    // Offered where it can be expected to succeed (RFC 6120 §6.3.4).
    if (!clientCertificate) return 'invalid-mechanism';
    const named = candidates(clientCertificate.identities, domain, policy);
    return named.length > 0 ? null : 'invalid-mechanism';
  },
  begin: (context) => ({ respond: (data) => check(data, context) }),
};

/** The accounts of this domain that a certificate names: by xmppAddr, or, with none of those, by common name. */
function candidates(
  identities: { readonly xmppAddr: readonly string[]; readonly commonName: readonly string[] },
  domain: Domain,
  policy: SaslPolicy,
): BareJid[] {
  const named = identities.xmppAddr
    .map(parseJid)
    .filter((address): address is Jid => address !== null && address.local !== '')
    .filter((address) => address.domain === domain)
    .map((address) => address.bare);
  if (identities.xmppAddr.length > 0 || policy.external !== 'names') return [...new Set(named)];
  // XEP-0178 §2 case 3: no address; the common name may be one, or a user name of this domain.
  const mapped = identities.commonName
    .map((name) => (name.includes('@') ? userOf(name, domain) : accountOf(name, domain)))
    .filter((account): account is BareJid => account !== null);
  return [...new Set(mapped)];
}

function userOf(text: string, domain: Domain): BareJid | null {
  const address = parseJid(text);
  return address?.isBare && address.domain === domain ? address.bare : null;
}

async function check(data: Buffer, context: SaslContext): Promise<SaslStep> {
  const { accounts, clientCertificate, domain, policy, streamFrom } = context;
  const text = decodeUtf8Strict(data);
  if (text === null || text.includes('\0')) return failure('malformed-request'); // RFC 4422 Appendix A
  const authorizationId = parseAuthorizationId(text);
  if (authorizationId === null) return failure('invalid-authzid');
  if (!clientCertificate) return failure('not-authorized');

  const registered: BareJid[] = [];
  for (const account of candidates(clientCertificate.identities, domain, policy)) {
    if (await accounts.exists(account)) registered.push(account);
  }
  const account = authorizationId
    ? registered.find((each) => each === authorizationId.bare)
    : chosen(registered, streamFrom);
  if (account === undefined) {
    const claimed = authorizationId?.bare ?? clientCertificate.identities.xmppAddr[0];
    // More than one, and none was asked for: invalid-authzid (XEP-0178 §2 step 11.2).
    const condition = authorizationId || registered.length > 1 ? 'invalid-authzid' : 'not-authorized';
    return failure(condition, undefined, claimed);
  }
  const refused = refusalOf(await accounts.standing(account), account);
  if (refused) return refused;
  const validUntil = clientCertificate.notAfter;
  return { kind: 'success', account, validUntil, ...(authorizationId ? { authorizationId } : {}) };
}

/** The only one; of several the one in the stream's `from` (RFC 6120 §13.7.2.2.1 sub-case 2). */
function chosen(registered: readonly BareJid[], streamFrom: Jid | null): BareJid | undefined {
  if (registered.length === 1) return registered[0];
  return registered.find((each) => each === streamFrom?.bare);
}
