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
import { dirname, join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { lmdbFailure } from './lmdb-errors.js';
import { environmentOptions, type LmdbKey } from './lmdb-options.js';
import { checkFiles, DATA_FILE } from './lmdb-preflight.js';
import { type Commit, LmdbWriter } from './lmdb-writer.js';
import { lockFolder, type ProcessLock } from './process-lock.js';
import { StorageError } from './storage.js';

export type LmdbDatabase = Database<Buffer, LmdbKey>;

/** One process's LMDB environment: its files, its lock and its transactions. */
export class LmdbEnvironment {
  readonly folder: string;
  readonly readOnly: boolean;
  readonly #root: RootDatabase<Buffer, LmdbKey>;
  readonly #lock: ProcessLock | undefined;
  readonly #databases = new Map<string, LmdbDatabase>();
  readonly #writer: LmdbWriter;
  #closed: Promise<void> | undefined;

  constructor(folder: string, options: { readOnly: boolean; failed?: (error: StorageError) => void }) {
    this.folder = folder;
    this.readOnly = options.readOnly;
    try {
      if (!this.readOnly) {
        makeFolder(folder);
        this.#lock = lockFolder(folder);
      }
      checkFiles(folder, this.readOnly);
      this.#root = open<Buffer, LmdbKey>(environmentOptions(folder, this.readOnly));
      if (!this.readOnly) {
        chmodSync(join(folder, DATA_FILE), 0o600);
        // A new file is safe only when its folder's entry is.
        syncPath(folder);
      }
    } catch (error) {
      this.#lock?.release();
      throw lmdbFailure(error, `opening ${folder}`, folder);
    }
    // Whoever reads after a commit must see it.
    this.#writer = new LmdbWriter(folder, (error) => {
      this.#root.resetReadTxn();
      if (error !== undefined) options.failed?.(error);
    });
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

  /** Queues one write (null: a removal). All writes of one turn of the event loop share one transaction. */
  write(database: string, key: LmdbKey, text: string | null): Commit {
    this.assertWritable();
    return this.#writer.write(database, key, text);
  }

  /** Resolves when every write that is queued now is over, one way or the other. */
  settled(): Promise<void> {
    return this.#writer.settled();
  }

  async ping(): Promise<void> {
    this.assertOpen();
    if (!this.readOnly) await this.write('ping', 'ping', new Date().toISOString()).durable;
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
    try {
      await this.#writer.close();
      await this.#root.close();
    } catch (error) {
      throw lmdbFailure(error, `closing ${this.folder}`);
    } finally {
      this.#lock?.release();
    }
  }

  assertWritable(): void {
    this.assertOpen();
    if (this.readOnly) throw new StorageError('read-only', `${this.folder} is open for reading only`);
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

function makeFolder(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  try {
    // Not recursively: that hides a read-only file system behind ENOENT.
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
