import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { NODE_HASH, type PasswordHasher, type ScramHash } from './password-hasher.js';

/** What a server keeps to check SCRAM: it cannot be used to log in elsewhere (RFC 5802 §3). */
export interface ScramVerifier {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Which forms of a password are kept when it is set. */
export interface KeptCredentials {
  /** Strongest first; at least one. */
  readonly scram: readonly ScramHash[];
  /** H(user:realm:password) for SASL DIGEST-MD5: as good as the password within this realm. */
  readonly digestMd5: boolean;
  /** The password itself: XEP-0078 digest needs it; and it serves every other mechanism. */
  readonly plain: boolean;
}

/** Everything kept of one password. */
export interface Credentials {
  readonly scram: ReadonlyMap<ScramHash, ScramVerifier>;
  /** The 16 octets of MD5(user ":" realm ":" password) (RFC 2831 §2.1.2.1). */
  readonly digestMd5?: Buffer;
  /** Prepared by SASLprep. */
  readonly plain?: string;
}

export const MINIMUM_ITERATIONS = 4096; // RFC 5802 §5.1, RFC 7677 §4
export const DEFAULT_ITERATIONS = 10_000;
export const SALT_OCTETS = 16;

/** HMAC of RFC 5802 §2.2. */
export function hmac(hash: ScramHash, key: Buffer, data: string | Buffer): Buffer {
  return createHmac(NODE_HASH[hash], key).update(data).digest();
}

/** H of RFC 5802 §2.2. */
export function digest(hash: ScramHash, data: Buffer): Buffer {
  return createHash(NODE_HASH[hash]).update(data).digest();
}

/** StoredKey and ServerKey of a SaltedPassword (RFC 5802 §3). */
export function verifierOf(
  hash: ScramHash,
  saltedPassword: Buffer,
  salt: Buffer,
  iterations: number,
): ScramVerifier {
  return {
    salt,
    iterations,
    storedKey: digest(hash, hmac(hash, saltedPassword, 'Client Key')),
    serverKey: hmac(hash, saltedPassword, 'Server Key'),
  };
}

/** Whether this clear-text password (already prepared) is the one the verifier was made of. */
export async function matchesVerifier(
  hasher: PasswordHasher,
  hash: ScramHash,
  preparedPassword: string,
  verifier: ScramVerifier,
  source?: string,
): Promise<boolean> {
  const salted = await hasher.hash(preparedPassword, verifier.salt, verifier.iterations, hash, source);
  const { storedKey } = verifierOf(hash, salted, verifier.salt, verifier.iterations);
  return storedKey.length === verifier.storedKey.length && timingSafeEqual(storedKey, verifier.storedKey);
}

/**
 * MD5(user ":" realm ":" password), the parts in ISO 8859-1 where they fit, so that it can be shared with HTTP
 * digest (RFC 2831 §2.1.2.1). The realm is a domain.
 */
export function digestMd5Secret(user: string, realm: string, password: string): Buffer {
  return createHash('md5')
    .update(legacyOctets(user))
    .update(':')
    .update(realm)
    .update(':')
    .update(legacyOctets(password))
    .digest();
}

/** ISO 8859-1 where every character is in it, else UTF-8 (RFC 2831 §2.1.2.1 and §8). */
function legacyOctets(text: string): Buffer {
  return Buffer.from(text, /^[\0-\xff]*$/.test(text) ? 'latin1' : 'utf8');
}

/** Makes everything that is to be kept of a password that was prepared with `prepareStored`. */
export async function deriveCredentials(
  hasher: PasswordHasher,
  kept: KeptCredentials,
  user: string,
  realm: string,
  preparedPassword: string,
  iterations: number,
): Promise<Credentials> {
  const scram = new Map<ScramHash, ScramVerifier>();
  for (const hash of kept.scram) {
    const salt = randomBytes(SALT_OCTETS);
    scram.set(
      hash,
      verifierOf(hash, await hasher.hash(preparedPassword, salt, iterations, hash), salt, iterations),
    );
  }
  return {
    scram,
    ...(kept.digestMd5 ? { digestMd5: digestMd5Secret(user, realm, preparedPassword) } : {}),
    ...(kept.plain ? { plain: preparedPassword } : {}),
  };
}
