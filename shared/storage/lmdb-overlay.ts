import type { LmdbDatabase, LmdbEnvironment } from './lmdb-environment.js';
import { lmdbFailure } from './lmdb-errors.js';
import type { LmdbKey } from './lmdb-options.js';
import type { Commit } from './lmdb-writer.js';

interface Pending {
  /** null: removed. */
  readonly text: string | null;
  readonly commit: Commit;
}

/**
 * A sub-database with what is written but not committed yet laid over it. As one process alone writes, the latest
 * state is known at once: a read sees every write that was called before it, and compare-and-set is decided when
 * it is called, without a wait. What is told to others still waits for the commit.
 */
export class OverlaidDatabase {
  readonly #environment: LmdbEnvironment;
  readonly #name: string;
  readonly #database: LmdbDatabase | undefined;
  readonly #pending = new Map<string, Pending>();

  constructor(environment: LmdbEnvironment, name: string) {
    this.#environment = environment;
    this.#name = name;
    this.#database = environment.database(name);
  }

  get(owner: string): string | undefined {
    this.#environment.assertOpen();
    const pending = this.#pending.get(owner);
    if (pending !== undefined) return pending.text ?? undefined;
    try {
      return this.#database?.get(owner)?.toString('utf8');
    } catch (error) {
      throw lmdbFailure(error, `reading from ${this.#environment.folder}`);
    }
  }

  put(owner: string, text: string): Commit {
    return this.#write(owner, text);
  }

  remove(owner: string): Commit {
    return this.#write(owner, null);
  }

  /** Owners in order; first lets everything that was called before be committed. */
  async *owners(prefix: string): AsyncGenerator<string> {
    await this.settled();
    for await (const key of keysInChunks(this.#environment, this.#database, prefix)) {
      if (typeof key === 'string') yield key;
    }
  }

  async count(): Promise<number> {
    await this.settled();
    this.#environment.assertOpen();
    return this.#database?.getKeysCount() ?? 0;
  }

  async settled(): Promise<void> {
    if (this.#pending.size > 0) await this.#environment.settled();
  }

  /** The last commit that this owner waits for, if any. */
  pendingCommit(owner: string): Commit | undefined {
    return this.#pending.get(owner)?.commit;
  }

  #write(owner: string, text: string | null): Commit {
    const commit = this.#environment.write(this.#name, owner, text);
    const pending = { text, commit };
    this.#pending.set(owner, pending);
    commit.whenOver(() => {
      if (this.#pending.get(owner) === pending) this.#pending.delete(owner);
    });
    return commit;
  }
}

/** So many keys are read at once before the event loop gets its turn. */
const CHUNK = 500;

/** The keys of a sub-database in order, of whatever size, without holding up the process or a read transaction. */
export async function* keysInChunks(
  environment: LmdbEnvironment,
  database: LmdbDatabase | undefined,
  prefix = '',
): AsyncGenerator<LmdbKey> {
  if (database === undefined) return;
  let start: LmdbKey | undefined = prefix === '' ? undefined : prefix;
  let exclusiveStart = false;
  for (;;) {
    environment.assertOpen();
    let keys: LmdbKey[];
    try {
      keys = [
        ...database.getKeys({ ...(start === undefined ? {} : { start }), exclusiveStart, limit: CHUNK }),
      ];
    } catch (error) {
      throw lmdbFailure(error, `reading from ${environment.folder}`);
    }
    for (const key of keys) {
      const owner = typeof key === 'string' ? key : key[0];
      if (!owner.startsWith(prefix)) return;
      yield key;
    }
    const last = keys.at(-1);
    if (keys.length < CHUNK || last === undefined) return;
    start = last;
    exclusiveStart = true;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
