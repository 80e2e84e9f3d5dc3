import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { parseJid } from '../../shared/xmpp/jid.js';
import type { Standing } from '../accounts/standing.js';
import { type DigestResponse, parseDigestResponse, quote } from './digest-md5-messages.js';
import { accountOf, parseAuthorizationId, refusalOf } from './identity.js';
import {
  failure,
  type SaslContext,
  type SaslExchange,
  type SaslFailure,
  type SaslMechanism,
  type SaslStep,
} from './mechanism.js';

/** DIGEST-MD5 (RFC 2831), obsolete (RFC 6331): only where a setting offers it to clients of its time. */
export const digestMd5 = digestMd5Mechanism();

/** The mechanism; `serverNonce` is given by tests that replay published exchanges. */
export function digestMd5Mechanism(serverNonce = randomNonce, serviceType = 'xmpp'): SaslMechanism {
  return {
    name: 'DIGEST-MD5',
    clientFirst: false,
    refusal({ accounts, policy }) {
      if (!policy.digestMd5) return 'mechanism-too-weak';
      return accounts.passwords.kept.digestMd5 || accounts.passwords.kept.plain ? null : 'mechanism-too-weak';
    },
    begin: (context) => new DigestExchange(context, serverNonce(), serviceType),
  };
}

function randomNonce(): string {
  return randomBytes(24).toString('base64');
}

/** The response-value, or with an empty method the value of rspauth (RFC 2831 §2.1.2.1, §2.1.3), for qop=auth. */
function digestValue(
  secret: Buffer,
  method: 'AUTHENTICATE' | '',
  { authzid, cnonce, digestUri, nc, nonce, qop }: DigestResponse,
): string {
  const a1 = createHash('md5').update(secret).update(`:${nonce}:${cnonce}`, 'latin1');
  if (authzid) a1.update(`:${authzid.octets}`, 'latin1');
  const a2 = createHash('md5').update(`${method}:${digestUri}`, 'latin1').digest('hex');
  return createHash('md5')
    .update(`${a1.digest('hex')}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`, 'latin1')
    .digest('hex');
}

class DigestExchange implements SaslExchange {
  readonly #context: SaslContext;
  readonly #nonce: string;
  readonly #serviceType: string;
  #state: 'begin' | 'challenged' | Extract<SaslStep, { kind: 'success' }> = 'begin';

  constructor(context: SaslContext, nonce: string, serviceType: string) {
    this.#context = context;
    this.#nonce = nonce;
    this.#serviceType = serviceType;
  }

  respond(data: Buffer): SaslStep | Promise<SaslStep> {
    if (this.#state === 'begin') {
      // An initial response asks for subsequent authentication, which we do not do (RFC 2831 §2.2.2).
      this.#state = 'challenged';
      return { kind: 'challenge', data: Buffer.from(this.#challenge()) };
    }
    if (this.#state === 'challenged') return this.#check(data);
    // The client's answer to rspauth (RFC 3920 §6.2) has no data.
    return data.length === 0 ? this.#state : failure('malformed-request');
  }

  #challenge(): string {
    const realm = quote(this.#context.domain);
    return `realm=${realm},nonce=${quote(this.#nonce)},qop="auth",charset=utf-8,algorithm=md5-sess`;
  }

  async #check(data: Buffer): Promise<SaslStep> {
    const { accounts, domain } = this.#context;
    const given = parseDigestResponse(data);
    if (!given) return failure('malformed-request');
    const claimed = `${given.username}@${domain}`;
    const problem = this.#verifyDirectives(given, claimed);
    if (problem) return problem;
    const authorizationId = parseAuthorizationId(given.authzid?.text);
    if (authorizationId === null) return failure('invalid-authzid', undefined, claimed);

    const account = accountOf(given.username, domain);
    const known = account === null ? undefined : await accounts.passwords.digestMd5(account, given.username);
    const secret = known?.secret ?? randomBytes(16); // nothing fits it: an unknown user is a wrong password
    const standing: Standing = known?.standing ?? 'unknown';
    const expected = Buffer.from(digestValue(secret, 'AUTHENTICATE', given));
    const right = timingSafeEqual(expected, Buffer.from(given.response));
    if (!right || account === null) return failure('not-authorized', undefined, claimed);
    const refused = refusalOf(standing, claimed);
    if (refused) return refused;
    if (authorizationId && authorizationId.bare !== account) {
      return failure('invalid-authzid', undefined, claimed);
    }
    this.#state = { kind: 'success', account, ...(authorizationId ? { authorizationId } : {}) };
    // As a challenge, not with success: the clients that still use this mechanism expect it so (RFC 3920 §6.5).
    return { kind: 'challenge', data: Buffer.from(`rspauth=${digestValue(secret, '', given)}`) };
  }

  /** What must repeat or fit our challenge (RFC 2831 §2.1.2, §2.1.3). */
  #verifyDirectives(given: DigestResponse, claimed: string): SaslFailure | null {
    const { domain } = this.#context;
    if (given.qop !== 'auth') return failure('malformed-request', 'qop was not offered', claimed);
    if (given.nonce !== Buffer.from(this.#nonce).toString('latin1') || given.nc !== '00000001') {
      return failure('not-authorized', undefined, claimed);
    }
    if (given.realm !== domain) return failure('not-authorized', 'realm was not offered', claimed);
    const [service, ...names] = given.digestUri.split('/'); // host, and the service's name if it is another
    const served = names.some(
      (name) => parseJid(Buffer.from(name, 'latin1').toString('utf8'))?.full === domain,
    );
    if (service?.toLowerCase() !== this.#serviceType || !served || names.length > 2) {
      return failure('not-authorized', 'digest-uri is not of this service', claimed);
    }
    return null;
  }
}
