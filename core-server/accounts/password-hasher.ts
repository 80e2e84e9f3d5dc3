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
  /**
   * SaltedPassword of RFC 5802 §3; rejects with {@link HashingQueueFull}. `source`: on whose behalf, as a network. Each
   * has its turn, and where all is full the one that wants most gives way.
   */
  hash(
    preparedPassword: string,
    salt: Buffer,
    iterations: number,
    hash: ScramHash,
    source?: string,
  ): Promise<Buffer>;
}

interface PasswordHasherOptions {
  /** Hashes computed at once; leave threads of the libuv pool to storage and DNS. */
  readonly concurrency?: number;
  /** Hashes that may wait beyond these. */
  readonly queue?: number;
}

interface Waiting {
  readonly run: () => void;
  readonly refuse: () => void;
}

/** Runs PBKDF2 in the libuv pool, a few at a time, with a bounded queue in front. */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const concurrency = options.concurrency ?? 2;
  const limit = options.queue ?? 256;
  /** By source, in the order of their turns. */
  const queues = new Map<string, Waiting[]>();
  let count = 0;
  let running = 0;

  const next = () => {
    running -= 1;
    for (const [source, queue] of queues) {
      queues.delete(source);
      const first = queue.shift();
      if (queue.length > 0) queues.set(source, queue);
      count -= 1;
      first?.run();
      return;
    }
  };

  /** Makes room for one more of `source` where another source has more than it would have. */
  const makeRoom = (source: string): boolean => {
    let longest: Waiting[] = [];
    for (const queue of queues.values()) if (queue.length > longest.length) longest = queue;
    if (longest.length <= (queues.get(source)?.length ?? 0) + 1) return false;
    longest.pop()?.refuse();
    count -= 1;
    return true;
  };

  return {
    hash(password, salt, iterations, hash, source = '') {
      if (running >= concurrency && count >= limit && !makeRoom(source))
        return Promise.reject(new HashingQueueFull());
      return new Promise((resolve, reject) => {
        const run = () => {
          running += 1;
          pbkdf2(password, salt, iterations, HASH_OCTETS[hash], NODE_HASH[hash], (error, key) => {
            next();
            if (error) reject(error);
            else resolve(key);
          });
        };
        if (running < concurrency) return run();
        const queue = queues.get(source) ?? [];
        queue.push({ run, refuse: () => reject(new HashingQueueFull()) });
        queues.set(source, queue);
        count += 1;
      });
    },
  };
}
