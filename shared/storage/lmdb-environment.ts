import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { commitFailure, lmdbFailure } from './lmdb-errors.js';
import { lockFolder, type ProcessLock } from './process-lock.js';
import { StorageError } from './storage.js';

/** A key is an owner, or an owner and the id of an entry: lmdb's ordered encoding sorts both as we need it. */
export type LmdbKey = string | [string, number];
export type LmdbDatabase = Database<Buffer, LmdbKey>;

/** The transaction that holds the writes of one turn of the event loop. */
export interface Commit {
  /** Resolves when the transaction is on the disk; rejects with a StorageError. */
  readonly durable: Promise<void>;
  /** Runs once it is over, either way, before `durable` settles. */
  whenOver(action: () => void): void;
}

const DATA_FILE = 'data.mdb';
/** Sub-databases: two for each archive, one for each keyval collection, far below this. */
const MAX_DATABASES = 256;
/** Pages of 8 KiB allow keys of 4,026 bytes; with the usual 4 KiB a long JID would not fit. */
const PAGE_SIZE = 8192;

/** One process's LMDB environment: its files, its lock and its transactions. */
export class LmdbEnvironment {
  readonly folder: string;
  readonly readOnly: boolean;
  readonly #root: RootDatabase<Buffer, LmdbKey>;
  readonly #lock: ProcessLock | undefined;
  readonly #databases = new Map<string, LmdbDatabase>();
  #current: { promise: unknown; commit: Commit } | undefined;
  readonly #pending = new Set<Commit>();
  #closed: Promise<void> | undefined;

  constructor(folder: string, options: { readOnly: boolean }) {
    this.folder = folder;
    this.readOnly = options.readOnly;
    try {
      if (this.readOnly) {
        if (!existsSync(join(folder, DATA_FILE))) {
          throw new StorageError('unavailable', `${folder} holds no store`);
        }
      } else {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        this.#lock = lockFolder(folder);
      }
      this.#root = open<Buffer, LmdbKey>({
        path: folder,
        noSubdir: false,
        maxDbs: MAX_DATABASES,
        pageSize: PAGE_SIZE,
        readOnly: this.readOnly,
        encoding: 'binary',
        // The commit itself waits for the disk, as in plain LMDB: when a write's promise resolves it is durable.
        // Meanwhile the writes of later turns gather for the next transaction (group commit).
        overlappingSync: false,
      });
      if (!this.readOnly) {
        chmodSync(join(folder, DATA_FILE), 0o600);
        // A new file is safe only when its folder's entry is.
        syncPath(folder);
      }
    } catch (error) {
      this.#lock?.release();
      throw lmdbFailure(error, `opening ${folder}`);
    }
  }

  /** The named sub-database; undefined if this is a read-only look at a store that has none of this name. */
  database(name: string): LmdbDatabase | undefined {
    this.assertOpen();
    const known = this.#databases.get(name);
    if (known !== undefined) return known;
    try {
      // The types leave out that a database that is not there gives undefined.
      const opened = this.#root.openDB<Buffer, LmdbKey>({ name, encoding: 'binary' }) as
        | LmdbDatabase
        | undefined;
      if (opened !== undefined) this.#databases.set(name, opened);
      return opened;
    } catch (error) {
      throw lmdbFailure(error, `opening ${name} in ${this.folder}`);
    }
  }

  /** Names of all sub-databases, in ascending order. */
  databaseNames(): string[] {
    this.assertOpen();
    return [...this.#root.getKeys()].filter((key): key is string => typeof key === 'string');
  }

  /**
   * Queues one write. All writes that are queued in one turn of the event loop share one transaction, in their
   * order: all of them happen, or none.
   */
  write(action: () => Promise<unknown>): Commit {
    this.assertOpen();
    if (this.readOnly) throw new StorageError('read-only', `${this.folder} is open for reading only`);
    let promise: Promise<unknown>;
    try {
      promise = action();
    } catch (error) {
      throw lmdbFailure(error, `writing to ${this.folder}`);
    }
    // lmdb gives every plain write of a turn the same promise, so that most writes cost nothing here.
    if (this.#current?.promise === promise) return this.#current.commit;
    const over: (() => void)[] = [];
    const finish = (): void => {
      this.#pending.delete(commit);
      for (const action of over) action();
    };
    const durable = promise.then(finish, async (error: unknown) => {
      finish();
      throw await commitFailure(error, `writing to ${this.folder}`);
    });
    // Each caller handles its own promise; this one is only the source of theirs.
    durable.catch(() => {});
    const commit: Commit = { durable, whenOver: (action) => over.push(action) };
    this.#pending.add(commit);
    this.#current = { promise, commit };
    return commit;
  }

  /** Resolves when every write that is queued now is over, one way or the other. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#pending].map((commit) => commit.durable));
  }

  async ping(): Promise<void> {
    const database = this.database('ping');
    if (database === undefined || this.readOnly) return;
    await this.write(() => database.put('ping', Buffer.from(new Date().toISOString()))).durable;
  }

  async backup(target: string): Promise<void> {
    this.assertOpen();
    const partial = `${target}.partial`;
    try {
      await this.settled();
      if (existsSync(target)) throw new StorageError('unsupported', `${target} exists already`);
      rmSync(partial, { recursive: true, force: true });
      mkdirSync(partial, { recursive: true, mode: 0o700 });
      await this.#root.backup(partial, false);
      chmodSync(join(partial, DATA_FILE), 0o600);
      syncPath(join(partial, DATA_FILE));
      syncPath(partial);
      // The name appears only when the copy is whole.
      renameSync(partial, target);
      syncPath(join(target, '..'));
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      throw lmdbFailure(error, `backing up ${this.folder} to ${target}`);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    while (this.#pending.size > 0) await this.settled();
    try {
      await this.#root.close();
    } catch (error) {
      throw lmdbFailure(error, `closing ${this.folder}`);
    } finally {
      this.#lock?.release();
    }
  }

  assertOpen(): void {
    if (this.#closed !== undefined) throw new StorageError('unavailable', `${this.folder} is closed`);
  }
}

function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
