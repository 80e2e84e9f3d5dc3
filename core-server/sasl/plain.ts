import { HashingQueueFull } from '../accounts/password-hasher.js';
import { accountOf, parseAuthorizationId, refusalOf } from './identity.js';
import { failure, type SaslContext, type SaslMechanism, type SaslStep } from './mechanism.js';
import { decodeUtf8Strict } from './utf8.js';

/** PLAIN (RFC 4616): where the stream is secure, unless the operator says otherwise. */
export const plain: SaslMechanism = {
  name: 'PLAIN',
  clientFirst: true,
  refusal({ policy, secure }) {
    if (!policy.plain) return 'mechanism-too-weak';
    if (!secure && !policy.plainWithoutTls) return 'encryption-required'; // RFC 6120 §13.8.3
    return null;
  },
  begin: (context) => ({ respond: (data) => check(data, context) }),
};

/** Authorization identity, user name, password. */
const message = /^([^\0]*)\0([^\0]+)\0([^\0]+)$/;

async function check(data: Buffer, { accounts, domain, log, peer }: SaslContext): Promise<SaslStep> {
  const text = decodeUtf8Strict(data);
  const parts = text === null ? null : message.exec(text);
  if (!parts) return failure('malformed-request');
  const [, authzid = '', username = '', password = ''] = parts;
  const authorizationId = parseAuthorizationId(authzid);
  const claimed = `${username}@${domain}`;
  if (authorizationId === null) return failure('invalid-authzid', undefined, claimed);
  const account = accountOf(username, domain);
  try {
    const result = await accounts.passwords.verify(account, password, peer);
    if (result === 'wrong' || account === null) return failure('not-authorized', undefined, claimed);
    if (result !== 'ok') return refusalOf(result, claimed) ?? failure('not-authorized', undefined, claimed);
    if (authorizationId && authorizationId.bare !== account) {
      return failure('invalid-authzid', undefined, claimed);
    }
    return { kind: 'success', account, ...(authorizationId ? { authorizationId } : {}) };
  } catch (error) {
    if (!(error instanceof HashingQueueFull)) throw error;
    log.warn({ code: 'sasl.hashing-queue-full' }, 'too many passwords wait to be checked');
    return failure('temporary-auth-failure', undefined, claimed);
  }
}
