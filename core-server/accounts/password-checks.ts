import { createHash, timingSafeEqual } from 'node:crypto';
import { networkOf } from '../../shared/net/network.js';
import type { Logger } from '../../shared/observability/types.js';
import { type BareJid, parseJid } from '../../shared/xmpp/jid.js';
import { storedCredentials } from './account-document.js';
import { AccountError } from './account-error.js';
import type { AccountStore, StoredAccount } from './account-store.js';
import {
  deriveCredentials,
  digestMd5Secret,
  type KeptCredentials,
  matchesVerifier,
  type ScramVerifier,
} from './credentials.js';
import { fakeVerifier } from './fake-verifier.js';
import type { PasswordHasher, ScramHash } from './password-hasher.js';
import { prepareQuery, prepareStored } from './password-preparation.js';
import { isThere, type Standing, standingOf } from './standing.js';

/** What a mechanism needs to check a SCRAM proof; for an unknown account keys that nothing fits. */
export interface ScramLookup {
  readonly verifier: ScramVerifier;
  readonly standing: Standing;
}

interface PasswordChecksOptions {
  readonly store: AccountStore;
  readonly kept: KeptCredentials;
  readonly hasher: PasswordHasher;
  /** PBKDF2 rounds of new verifiers. */
  readonly iterations: number;
  /** Of which the salts of names that have none are made. */
  readonly secret: Buffer;
  readonly log: Logger;
}

/** Whether somebody knows the password of an account, by each way to prove it; and what is kept of a password for that. */
export class PasswordChecks {
  readonly kept: KeptCredentials;
  readonly #store: AccountStore;
  readonly #hasher: PasswordHasher;
  readonly #iterations: number;
  readonly #secret: Buffer;
  readonly #log: Logger;

  constructor(options: PasswordChecksOptions) {
    this.kept = options.kept;
    this.#store = options.store;
    this.#hasher = options.hasher;
    this.#iterations = options.iterations;
    this.#secret = options.secret;
    this.#log = options.log;
  }

  /**
   * What SCRAM of this hash needs for this user; at once where the store can. For an account that does not exist,
   * or has no verifier of this hash, the answer looks the same but nothing fits it (RFC 6120 §6.5.10).
   */
  scram(account: BareJid, hash: ScramHash): ScramLookup | Promise<ScramLookup> {
    const found = (stored: StoredAccount | null): ScramLookup => {
      const verifier = isThere(stored) ? stored.credentials.scram.get(hash) : undefined;
      if (verifier) return { verifier, standing: standingOf(stored) };
      return { verifier: this.fakeScram(account, hash), standing: 'unknown' };
    };
    const stored = this.#store.readSync(account);
    return stored === 'async' ? this.#store.read(account).then(found) : found(stored);
  }

  /** The verifier shown for a name that has none. */
  fakeScram(name: string, hash: ScramHash): ScramVerifier {
    return fakeVerifier(this.#secret, name, hash, this.#iterations);
  }

  /**
   * Checks a clear-text password; `null` stands for a name that cannot be an account. Costs one PBKDF2 whatever
   * the outcome. A wrong password of a disabled account is `wrong`, so that its state is not given away. Rejects
   * with `HashingQueueFull`. `peer`: the address from which it is asked, so that addresses share the hasher fairly.
   */
  async verify(
    account: BareJid | null,
    password: string,
    peer = '',
  ): Promise<'ok' | 'wrong' | 'disabled' | 'expired'> {
    const stored = account === null ? null : await this.#store.read(account);
    const candidates = isThere(stored) ? stored.credentials.scram : undefined;
    const hash = this.kept.scram.find((each) => candidates?.has(each)) ?? this.kept.scram[0] ?? 'SHA-256';
    const other = candidates?.entries().next().value; // kept under earlier settings only
    const [usedHash, verifier] = candidates?.has(hash)
      ? ([hash, candidates.get(hash)] as const)
      : (other ?? ([hash, undefined] as const));
    const prepared = prepareQuery(password);
    const right = await matchesVerifier(
      this.#hasher,
      usedHash,
      prepared ?? 'x',
      verifier ?? this.fakeScram(account ?? '', usedHash),
      networkOf(peer),
    );
    if (account === null || !verifier || !right || prepared === null) return 'wrong';
    const standing = standingOf(stored);
    if (standing === 'unknown') return 'wrong';
    if (standing !== 'active') return standing;
    if (stored) this.#completeCredentials(account, stored, prepared);
    return 'ok';
  }

  /**
   * MD5(user ":" realm ":" password) for SASL DIGEST-MD5, where the account has a form of its password that gives
   * it; `username` as the client wrote it.
   */
  async digestMd5(
    account: BareJid,
    username: string,
  ): Promise<{ readonly secret: Buffer; readonly standing: Standing } | undefined> {
    const stored = await this.#store.read(account);
    const address = parseJid(account);
    if (!isThere(stored) || !address) return undefined;
    const { plain, digestMd5 } = stored.credentials;
    const standing = standingOf(stored);
    if (plain !== undefined) return { secret: digestMd5Secret(username, address.domain, plain), standing };
    if (digestMd5 && username === address.local) return { secret: digestMd5, standing };
    return undefined;
  }

  /** Checks SHA-1(stream id + password) of XEP-0078 §3.1, hexadecimal; `wrong` where the password is not kept. */
  async verifyStreamDigest(
    account: BareJid | null,
    streamId: string,
    digest: string,
  ): Promise<'ok' | 'wrong' | 'disabled' | 'expired'> {
    const stored = account === null ? null : await this.#store.read(account);
    const plain = isThere(stored) ? stored.credentials.plain : undefined;
    const expected = createHash('sha1')
      .update(streamId + (plain ?? ''))
      .digest();
    const given = Buffer.from(digest, 'hex');
    const right = given.length === expected.length && timingSafeEqual(given, expected);
    if (plain === undefined || !right) return 'wrong';
    const standing = standingOf(stored);
    return standing === 'active' ? 'ok' : standing === 'unknown' ? 'wrong' : standing;
  }

  /** Brings what is kept in line with settings changed since the password was set (RFC 4616 §2 allows it). */
  #completeCredentials(account: BareJid, stored: StoredAccount, prepared: string): void {
    const { kept } = this;
    const { credentials } = stored;
    const complete =
      kept.scram.every((hash) => (credentials.scram.get(hash)?.iterations ?? 0) >= this.#iterations) &&
      kept.digestMd5 === (credentials.digestMd5 !== undefined) &&
      kept.plain === (credentials.plain !== undefined);
    if (complete || prepareStored(prepared) === null) return;
    this.#store
      .update(account, async (current) => {
        if (current?.version !== stored.version) return 'keep'; // it changed meanwhile: perhaps the password did
        const { state, created, passwordChanged } = current.document;
        return { state, created, passwordChanged, ...(await this.derive(account, prepared)) };
      })
      .catch((error: unknown) => {
        this.#log.warn(
          { code: 'accounts.upgrade-failed', account, error },
          'stored password was not extended',
        );
      });
  }

  /** What is kept of a new password, prepared for storing, beside the account's other facts. */
  async derive(account: BareJid, prepared: string) {
    const address = parseJid(account);
    if (!address) throw new AccountError('invalid-name', `${account} is not an address`);
    const { local, domain } = address;
    return storedCredentials(
      await deriveCredentials(this.#hasher, this.kept, local, domain, prepared, this.#iterations),
    );
  }
}
