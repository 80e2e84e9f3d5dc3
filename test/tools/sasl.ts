import { pbkdf2Sync } from 'node:crypto';
import { Accounts, type AccountsOptions } from '../../core-server/accounts/accounts.js';
import { digest, hmac, type KeptCredentials } from '../../core-server/accounts/credentials.js';
import { HASH_OCTETS, NODE_HASH, type ScramHash } from '../../core-server/accounts/password-hasher.js';
import type { SaslNegotiationContext } from '../../core-server/sasl/negotiation.js';
import { type BareJid, type Domain, jid, prepareDomain } from '../../shared/xmpp/jid.js';
import { createMemoryStorage } from './memory-storage.js';
import { recordingLogger } from './silent-logger.js';

export const bare = (text: string): BareJid => jid(text).bare;

export function domain(text: string): Domain {
  const prepared = prepareDomain(text);
  if (prepared === null) throw new TypeError(`${text} is no domain`);
  return prepared;
}

export const EVERYTHING_KEPT: KeptCredentials = {
  scram: ['SHA-256', 'SHA-1'],
  digestMd5: true,
  plain: false,
};

/** Accounts in memory, for the domain `example.com`, with the fewest rounds. */
export function testAccounts(options: Partial<AccountsOptions> = {}): Promise<Accounts> {
  return Accounts.open({
    storage: createMemoryStorage(),
    domains: [domain('example.com')],
    kept: EVERYTHING_KEPT,
    log: recordingLogger(),
    iterations: 4096,
    ...options,
  });
}

/** A stream over TLS that allows everything, without channel binding. */
export function testContext(
  accounts: Accounts,
  changes: Partial<SaslNegotiationContext> = {},
): SaslNegotiationContext {
  return {
    domain: domain('example.com'),
    streamFrom: null,
    secure: true,
    channelBinding: null,
    clientCertificate: null,
    accounts,
    policy: { plain: true, plainWithoutTls: false, digestMd5: true, external: 'names' },
    downgradeProtection: false,
    log: recordingLogger(),
    ...changes,
  };
}

export interface ScramClientOptions {
  readonly hash?: ScramHash;
  readonly username: string;
  readonly password: string;
  /** The GS2 header with both commas. */
  readonly gs2?: string;
  /** The channel's data. */
  readonly binding?: Buffer;
  readonly nonce?: string;
  /** Computes the SaltedPassword, for who knows it already. */
  readonly salted?: (password: string, salt: Buffer, iterations: number, hash: ScramHash) => Buffer;
}

/** The client's side of SCRAM (RFC 5802 §3), written apart from the server's. */
export class ScramClient {
  readonly #options: Required<Omit<ScramClientOptions, 'binding'>> & { readonly binding?: Buffer };
  readonly #bare: string;
  /** What the server must prove with. */
  expectedServerFinal = '';

  constructor(options: ScramClientOptions) {
    this.#options = {
      hash: 'SHA-256',
      gs2: 'n,,',
      nonce: 'fyko+d2lbbFgONRv9qkxdawL',
      salted: (password, salt, iterations, hash) =>
        pbkdf2Sync(password, salt, iterations, HASH_OCTETS[hash], NODE_HASH[hash]),
      ...options,
    };
    const name = options.username.replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.#bare = `n=${name},r=${this.#options.nonce}`;
  }

  first(): string {
    return this.#options.gs2 + this.#bare;
  }

  /** The answer to a server-first-message; `change` alters it after the proof was computed. */
  final(serverFirst: string, changes: { readonly binding?: string; readonly nonce?: string } = {}): string {
    const { binding, gs2, hash, password } = this.#options;
    const attributes = new Map(
      serverFirst.split(',').map((each) => [each.slice(0, 1), each.slice(2)] as const),
    );
    const salt = Buffer.from(attributes.get('s') ?? '', 'base64');
    const iterations = Number(attributes.get('i'));
    const salted = this.#options.salted(password, salt, iterations, hash);
    const bound = Buffer.concat([Buffer.from(gs2), binding ?? Buffer.alloc(0)]).toString('base64');
    const withoutProof = `c=${changes.binding ?? bound},r=${changes.nonce ?? attributes.get('r')}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(hash, salted, 'Client Key');
    const signature = hmac(hash, digest(hash, clientKey), authMessage);
    const proof = Buffer.from(clientKey.map((octet, index) => octet ^ (signature[index] ?? 0)));
    const server = hmac(hash, hmac(hash, salted, 'Server Key'), authMessage);
    this.expectedServerFinal = `v=${server.toString('base64')}`;
    return `${withoutProof},p=${proof.toString('base64')}`;
  }
}
