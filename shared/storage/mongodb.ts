import { checkCollection } from './document.js';
import { MongoArchive, MongoArchiveStore } from './mongodb-archive.js';
import { MongoConnection, type MongoOptions } from './mongodb-connection.js';
import { MongoKeyValue } from './mongodb-keyval.js';
import { MongoKeyValueStore } from './mongodb-keyval-store.js';
import { tellUnreadable, type Unreadable } from './readable-entries.js';
import {
  type ArchiveCollection,
  type CollectionDefinition,
  type KeyValueCollection,
  type Storage,
  StorageError,
} from './storage.js';

const CLOSE_TIMEOUT = 5_000;

/**
 * The driver for MongoDB and for servers that speak its protocol: it needs neither transactions nor TTL indexes.
 * Collections are `<process>_<collection>` in the database that the URL names.
 */
export class MongoStorage implements Storage {
  readonly #connection: MongoConnection;
  readonly #keyvals = new Map<string, MongoKeyValueStore>();
  readonly #archives = new Map<string, MongoArchiveStore>();

  readonly #unreadable: Unreadable;
  readonly #closeTimeout: number;

  private constructor(connection: MongoConnection, { log, closeTimeout = CLOSE_TIMEOUT }: MongoOptions) {
    this.#connection = connection;
    this.#unreadable = tellUnreadable(log);
    this.#closeTimeout = closeTimeout;
  }

  /** Waits, within bounds, for the database to answer. */
  static async open(options: MongoOptions): Promise<MongoStorage> {
    const connection = new MongoConnection(options);
    try {
      await connection.waitUntilReady();
    } catch (error) {
      await connection.close();
      throw error;
    }
    return new MongoStorage(connection, options);
  }

  keyval<T>(collection: CollectionDefinition<T>): KeyValueCollection<T> {
    const { name } = collection;
    checkCollection(name);
    const store = this.#keyvals.get(name) ?? new MongoKeyValueStore(this.#connection, name);
    this.#keyvals.set(name, store);
    return new MongoKeyValue(store, collection);
  }

  archive<T>(collection: CollectionDefinition<T>): ArchiveCollection<T> {
    const { name } = collection;
    checkCollection(name);
    const store = this.#archives.get(name) ?? new MongoArchiveStore(this.#connection, name);
    this.#archives.set(name, store);
    return new MongoArchive(store, collection, this.#unreadable);
  }

  ping(): Promise<void> {
    return this.#connection.ping();
  }

  async backup(): Promise<void> {
    throw new StorageError(
      'unsupported',
      'a store in mongodb is backed up with the tools of the database (mongodump)',
    );
  }

  async close(): Promise<void> {
    const stores = [...this.#keyvals.values(), ...this.#archives.values()];
    // With the database away, the end of the process cannot wait as long as a write otherwise would.
    const patience = setTimeout(() => this.#connection.giveUp(), this.#closeTimeout);
    await Promise.all(stores.map((store) => store.lane.close()));
    clearTimeout(patience);
    await this.#connection.close();
  }
}
