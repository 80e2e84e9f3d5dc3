import { pbkdf2 } from 'node:crypto';

/** The hash functions of the SCRAM mechanisms that we know (RFC 5802, RFC 7677). */
export type ScramHash = 'SHA-1' | 'SHA-256';

/** Octets of one digest. */
export const HASH_OCTETS: Readonly<Record<ScramHash, number>> = { 'SHA-1': 20, 'SHA-256': 32 };

/** The name of a hash as node:crypto knows it. */
export const NODE_HASH: Readonly<Record<ScramHash, string>> = { 'SHA-1': 'sha1', 'SHA-256': 'sha256' };

/** More passwords wait to be hashed than the queue holds: the peer is told `temporary-auth-failure`. */
export class HashingQueueFull extends Error {
  constructor() {
    super('too many passwords are waiting to be hashed');
    this.name = 'HashingQueueFull';
  }
}

/** PBKDF2, the slow part of every check of a clear-text password. */
export interface PasswordHasher {
  /** SaltedPassword of RFC 5802 §3; rejects with {@link HashingQueueFull}. */
  hash(preparedPassword: string, salt: Buffer, iterations: number, hash: ScramHash): Promise<Buffer>;
}

export interface PasswordHasherOptions {
  /** Hashes computed at once; leave threads of the libuv pool to storage and DNS. */
  readonly concurrency?: number;
  /** Hashes that may wait beyond these. */
  readonly queue?: number;
}

/** Runs PBKDF2 in the libuv pool, a few at a time, with a bounded queue in front. */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const concurrency = options.concurrency ?? 2;
  const limit = options.queue ?? 256;
  const waiting: (() => void)[] = [];
  let running = 0;

  const next = () => {
    running -= 1;
    waiting.shift()?.();
  };

  return {
    hash(password, salt, iterations, hash) {
      if (running >= concurrency && waiting.length >= limit) return Promise.reject(new HashingQueueFull());
      return new Promise((resolve, reject) => {
        const run = () => {
          running += 1;
          pbkdf2(password, salt, iterations, HASH_OCTETS[hash], NODE_HASH[hash], (error, key) => {
            next();
            if (error) reject(error);
            else resolve(key);
          });
        };
        if (running < concurrency) run();
        else waiting.push(run);
      });
    },
  };
}
