import { join } from 'node:path';
import { checkCollection } from './document.js';
import { LmdbArchive, LmdbArchiveFiles } from './lmdb-archive.js';
import { LmdbEnvironment } from './lmdb-environment.js';
import { keyvalDatabase, LmdbKeyValue } from './lmdb-keyval.js';
import { OverlaidDatabase } from './lmdb-overlay.js';
import type { Unreadable } from './readable-entries.js';
import type {
  ArchiveCollection,
  CollectionDefinition,
  KeyValueCollection,
  Storage,
  StorageError,
} from './storage.js';

interface LmdbOptions {
  /** The folder of all processes' stores; this one's is `<folder>/<process>`. */
  readonly folder: string;
  readonly process: string;
  /** Looks at a store, also one that its process has open, and never writes. Takes no lock. */
  readonly readOnly?: boolean;
  /** Told of each transaction that fails. */
  readonly failed?: (error: StorageError) => void;
  /** Told of each entry of an archive that cannot be read. */
  readonly unreadable?: Unreadable;
}

/** The embedded driver: an LMDB environment of one process, read without a wait, written in transactions. */
export class LmdbStorage implements Storage {
  readonly #environment: LmdbEnvironment;
  readonly #process: string;
  readonly #unreadable: Unreadable;
  // Whoever declares a collection again shares what is not committed yet, else the two would not see each other.
  readonly #keyvals = new Map<string, OverlaidDatabase>();
  readonly #archives = new Map<string, LmdbArchiveFiles>();

  constructor(options: LmdbOptions) {
    this.#process = options.process;
    this.#unreadable = options.unreadable ?? (() => {});
    this.#environment = new LmdbEnvironment(join(options.folder, options.process), {
      readOnly: options.readOnly === true,
      failed: options.failed ?? (() => {}),
    });
  }

  keyval<T>(collection: CollectionDefinition<T>): KeyValueCollection<T> {
    const { name } = collection;
    checkCollection(name);
    const database = this.#keyvals.get(name) ?? new OverlaidDatabase(this.#environment, keyvalDatabase(name));
    this.#keyvals.set(name, database);
    return new LmdbKeyValue(database, collection);
  }

  archive<T>(collection: CollectionDefinition<T>): ArchiveCollection<T> {
    const { name } = collection;
    checkCollection(name);
    const files = this.#archives.get(name) ?? new LmdbArchiveFiles(this.#environment, name);
    this.#archives.set(name, files);
    return new LmdbArchive(files, collection, this.#unreadable);
  }

  ping(): Promise<void> {
    return this.#environment.ping();
  }

  /** Copies into `<folder>/<process>`, so that `STORAGE_URL=lmdb:<folder>` opens the copy as it is. */
  backup(folder: string): Promise<void> {
    return this.#environment.backup(join(folder, this.#process));
  }

  close(): Promise<void> {
    return this.#environment.close();
  }
}
