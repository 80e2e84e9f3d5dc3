import { randomBytes, timingSafeEqual } from 'node:crypto';
import { digest, hmac } from '../accounts/credentials.js';
import type { ScramLookup } from '../accounts/password-checks.js';
import { HASH_OCTETS, type ScramHash } from '../accounts/password-hasher.js';
import { downgradeHash } from './downgrade-protection.js';
import { accountOf, parseAuthorizationId, refusalOf } from './identity.js';
import {
  failure,
  type SaslContext,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
} from './mechanism.js';
import { type ClientFirstMessage, parseClientFinal, parseClientFirst } from './scram-messages.js';

interface ScramOptions {
  /** The server's part of the nonce; given by tests that replay published exchanges. */
  readonly serverNonce?: () => string;
}

/** SCRAM of one hash, with or without channel binding (RFC 5802, RFC 7677). */
export function scram(hash: ScramHash, plus: boolean, options: ScramOptions = {}): SaslMechanism {
  return {
    name: `SCRAM-${hash}${plus ? '-PLUS' : ''}`,
    clientFirst: true,
    refusal(context) {
      if (!context.accounts.passwords.kept.scram.includes(hash)) return 'invalid-mechanism';
      if (plus && (context.channelBinding?.types.length ?? 0) === 0) return 'invalid-mechanism';
      return null;
    },
    begin: (context) => new ScramExchange(context, hash, plus, options.serverNonce ?? randomNonce),
  };
}

const randomNonce = () => randomBytes(18).toString('base64');

interface Challenged {
  readonly first: ClientFirstMessage;
  readonly lookup: ScramLookup;
  readonly serverFirst: string;
  readonly nonce: string;
}

class ScramExchange implements SaslExchange {
  readonly #context: SaslContext;
  readonly #hash: ScramHash;
  readonly #plus: boolean;
  readonly #serverNonce: () => string;
  #challenged: Challenged | null = null;

  constructor(context: SaslContext, hash: ScramHash, plus: boolean, serverNonce: () => string) {
    this.#context = context;
    this.#hash = hash;
    this.#plus = plus;
    this.#serverNonce = serverNonce;
  }

  respond(data: Buffer): SaslStep | Promise<SaslStep> {
    const challenged = this.#challenged;
    return challenged ? this.#finish(data, challenged) : this.#start(data);
  }

  #start(data: Buffer): SaslStep | Promise<SaslStep> {
    const first = parseClientFirst(data);
    if ('reason' in first) return failure('malformed-request', first.reason);
    const refused = this.#checkFlag(first);
    if (refused) return refused;
    const { accounts, domain } = this.#context;
    const claimed = `${first.username}@${domain}`;
    if (parseAuthorizationId(first.authzid) === null) return failure('invalid-authzid', undefined, claimed);
    const account = accountOf(first.username, domain);
    if (account === null) {
      // Refused like a wrong password, and when that would be: it is one more name that does not exist.
      return this.#challenge(first, {
        verifier: accounts.passwords.fakeScram(claimed, this.#hash),
        standing: 'unknown',
      });
    }
    const lookup = accounts.passwords.scram(account, this.#hash);
    if (lookup instanceof Promise) return lookup.then((found) => this.#challenge(first, found));
    return this.#challenge(first, lookup);
  }

  /** RFC 5802 §6. */
  #checkFlag({ flag }: ClientFirstMessage): SaslStep | null {
    const { offered, channelBinding } = this.#context;
    if (flag.kind === 'p') {
      if (!this.#plus) return failure('malformed-request', 'channel-binding-not-supported');
      if (!channelBinding?.types.includes(flag.name) && !channelBinding?.data(flag.name)) {
        return failure('not-authorized', 'unsupported-channel-binding-type');
      }
      return null;
    }
    if (this.#plus) return failure('malformed-request', 'a PLUS mechanism needs channel binding');
    // The client can do channel binding and did not see our offer: somebody took it out on the way.
    if (flag.kind === 'y' && offered.mechanisms.some((name) => name.endsWith('-PLUS'))) {
      return failure('not-authorized', 'server-does-support-channel-binding');
    }
    return null;
  }

  #challenge(first: ClientFirstMessage, lookup: ScramLookup): SaslStep {
    const { salt, iterations } = lookup.verifier;
    const nonce = first.nonce + this.#serverNonce();
    const downgrade = this.#context.downgradeProtection
      ? `,h=${downgradeHash(this.#hash, this.#context.offered)}`
      : '';
    const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}${downgrade}`;
    this.#challenged = { first, lookup, serverFirst, nonce };
    return { kind: 'challenge', data: Buffer.from(serverFirst) };
  }

  #finish(data: Buffer, { first, lookup, serverFirst, nonce }: Challenged): SaslStep {
    const { domain } = this.#context;
    const claimed = `${first.username}@${domain}`;
    const final = parseClientFinal(data);
    if ('reason' in final) return failure('malformed-request', final.reason, claimed);
    if (final.proof.length !== HASH_OCTETS[this.#hash]) {
      return failure('malformed-request', 'invalid-encoding', claimed);
    }
    if (final.nonce !== nonce) return failure('not-authorized', 'other-error', claimed);
    const binding = this.#expectedBinding(first);
    if (!binding || !final.channelBinding.equals(binding)) {
      return failure('not-authorized', 'channel-bindings-dont-match', claimed);
    }

    // RFC 5802 §3
    const { storedKey, serverKey } = lookup.verifier;
    const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
    const clientSignature = hmac(this.#hash, storedKey, authMessage);
    const clientKey = Buffer.from(clientSignature.map((octet, index) => octet ^ (final.proof[index] ?? 0)));
    const right = timingSafeEqual(digest(this.#hash, clientKey), storedKey);
    const account = accountOf(first.username, domain);
    if (!right || lookup.standing === 'unknown' || account === null) {
      return failure('not-authorized', 'invalid-proof', claimed);
    }
    const refused = refusalOf(lookup.standing, claimed);
    if (refused) return refused;
    const authorizationId = parseAuthorizationId(first.authzid) ?? undefined;
    if (authorizationId && authorizationId.bare !== account) {
      return failure('invalid-authzid', undefined, claimed);
    }
    const verifier = hmac(this.#hash, serverKey, authMessage).toString('base64');
    return {
      kind: 'success',
      account,
      ...(authorizationId ? { authorizationId } : {}),
      data: Buffer.from(`v=${verifier}`),
    };
  }

  /** The `c=` that the client must have sent: the GS2 header and the channel's data (RFC 5802 §5.1). */
  #expectedBinding({ gs2Header, flag }: ClientFirstMessage): Buffer | null {
    const header = Buffer.from(gs2Header);
    if (flag.kind !== 'p') return header;
    const bound = this.#context.channelBinding?.data(flag.name);
    return bound ? Buffer.concat([header, bound]) : null;
  }
}
