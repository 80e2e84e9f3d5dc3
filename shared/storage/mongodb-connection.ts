import { type Collection, type Db, type Document, MongoClient, MongoNetworkTimeoutError } from 'mongodb';
import type { Logger } from '../observability/types.js';
import { isRetriable, mongoFailure } from './mongodb-errors.js';
import { OwnerLocks } from './mongodb-locks.js';
import { StorageError } from './storage.js';

export interface MongoOptions {
  /** `mongodb://…`, with the database's name as its path (default `entourage`). */
  readonly url: string;
  /** The prefix of this process's collections. */
  readonly process: string;
  readonly log: Logger;
  /** How long a start waits for the database, ms. */
  readonly startTimeout?: number;
  /** How long a read or write is tried again while the database is away, ms. */
  readonly retryTimeout?: number;
  /** How long closing waits for writes that are under way while the database is away, ms. */
  readonly closeTimeout?: number;
  /** Told of each command that fails or has to be tried again. */
  readonly failed?: (error: StorageError) => void;
}

/** The suffix of a collection with locks. */
const LOCKS = '.locks';

const DEFAULT_DATABASE = 'entourage';
const START_TIMEOUT = 60_000;
const RETRY_TIMEOUT = 30_000;
/**
 * How long one attempt may take, ms: a server that hangs is as good as one that is away. The driver (7.8) alone
 * would wait for ever where a connection ends just as a command is written to it: its end then wakes nobody.
 */
const ATTEMPT_TIMEOUT = 8_000;
/** Pauses between attempts, ms: doubling from the first to the last, with jitter. */
const FIRST_PAUSE = 50;
const LAST_PAUSE = 2_000;

/** One process's connection to MongoDB, or to what speaks its protocol, with its policy for lost connections. */
export class MongoConnection {
  readonly process: string;
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #log: Logger;
  readonly #startTimeout: number;
  readonly #retryTimeout: number;
  readonly #failed: (error: StorageError) => void;
  readonly #closing = new AbortController();
  /** Where updates are not atomic: the locks of each collection. */
  #locks: Map<string, OwnerLocks> | undefined;

  constructor(options: MongoOptions) {
    this.process = options.process;
    this.#log = options.log;
    this.#failed = options.failed ?? (() => {});
    this.#startTimeout = options.startTimeout ?? START_TIMEOUT;
    this.#retryTimeout = options.retryTimeout ?? RETRY_TIMEOUT;
    try {
      this.#client = new MongoClient(options.url, {
        appName: `entourage-${options.process}`,
        // Acknowledged means: on the disk of most of the servers.
        writeConcern: { w: 'majority', journal: true, wtimeoutMS: 10_000 },
        readPreference: 'primary',
        maxPoolSize: 50,
        connectTimeoutMS: 5_000,
        serverSelectionTimeoutMS: 1_500,
        waitQueueTimeoutMS: 10_000,
        socketTimeoutMS: 20_000,
      });
    } catch (error) {
      // The driver's message can hold the URL's password.
      const reason =
        error instanceof Error ? error.message.replaceAll(/\/\/[^@/]*@/g, '//') : 'it is malformed';
      throw new StorageError('unsupported', `STORAGE_URL: ${reason}`);
    }
    const name = this.#client.options.dbName;
    // The driver says `test` for a URL that names no database; ours shall not end there by accident.
    this.#db = this.#client.db(
      name === 'test' && !/\/test(\?|$)/.test(options.url) ? DEFAULT_DATABASE : name,
    );
  }

  /** Where the database is, for people: hosts and name, no credentials. */
  get place(): string {
    const hosts = this.#client.options.hosts.map((host) => host.toString()).join(',');
    return `${hosts || this.#client.options.srvHost || 'mongodb'}/${this.#db.databaseName}`;
  }

  get db(): Db {
    return this.#db;
  }

  collection<D extends Document>(name: string): Collection<D> {
    return this.#db.collection<D>(`${this.process}_${name}`);
  }

  /** Resolves when the database answers; says every now and then that it is still awaited. */
  async waitUntilReady(): Promise<void> {
    const begin = performance.now();
    let attempts = 0;
    await this.#attempt(
      `connecting to ${this.place}`,
      () => this.#greet(),
      this.#startTimeout,
      (error, pause) => {
        attempts += 1;
        this.#log.warn(
          {
            code: 'storage.waiting',
            database: this.place,
            attempt: attempts,
            waited_ms: Math.round(performance.now() - begin),
            pause_ms: pause,
            reason: error instanceof Error ? error.message : String(error),
          },
          'waiting for the database',
        );
      },
    );
    this.#log.info(
      { code: 'storage.connected', database: this.place, atomic_updates: this.#locks === undefined },
      'the database answers',
    );
  }

  async #greet(): Promise<void> {
    // After an attempt that failed only connect() begins anew; it does nothing where there is a connection.
    await this.#client.connect();
    await this.#db.command({ ping: 1 });
    // FerretDB 1 names itself thus; FerretDB 2 otherwise, and leaves updates to its PostgreSQL extension.
    const info = await this.#db.admin().command({ buildInfo: 1 });
    this.#locks = typeof info['ferretdbVersion'] === 'string' ? new Map() : undefined;
  }

  /** Carries out writes to these owners of a collection, alone where the server needs that. */
  exclusively<R>(name: string, owners: readonly string[], action: () => Promise<R>): Promise<R> {
    if (this.#locks === undefined) return action();
    const locks =
      this.#locks.get(name) ??
      new OwnerLocks(this.#db, `${this.process}_${name}${LOCKS}`, (what, unlock) => this.run(what, unlock));
    this.#locks.set(name, locks);
    return locks.hold(owners, action);
  }

  /**
   * Runs a command, again and again while the connection is lost, up to the bound; then rejects with `unavailable`.
   * `action` must bear being carried out twice: it learns the number of its attempt, from 1.
   */
  run<R>(what: string, action: (attempt: number) => Promise<R>): Promise<R> {
    return this.#attempt(`${what} in ${this.place}`, action, this.#retryTimeout, (error, pause) => {
      this.#log.warn(
        {
          code: 'storage.retrying',
          database: this.place,
          action: what,
          pause_ms: pause,
          reason: error instanceof Error ? error.message : String(error),
        },
        'the database does not answer; trying again',
      );
    });
  }

  async #attempt<R>(
    what: string,
    action: (attempt: number) => Promise<R>,
    bound: number,
    failed: (error: unknown, pause: number) => void,
  ): Promise<R> {
    const begin = performance.now();
    let pause = FIRST_PAUSE;
    for (let attempt = 1; ; attempt++) {
      try {
        const time = Math.min(ATTEMPT_TIMEOUT, begin + bound - performance.now());
        return await within(time, () => action(attempt), this.#closing.signal);
      } catch (error) {
        const wait = Math.round(pause * (0.5 + Math.random() / 2));
        const over = performance.now() - begin + wait > bound;
        if (!this.#closing.signal.aborted) this.#failed(mongoFailure(error, what));
        if (over || this.#closing.signal.aborted || !isRetriable(error)) throw mongoFailure(error, what);
        failed(error, wait);
        await this.#pause(wait);
        pause = Math.min(pause * 2, LAST_PAUSE);
      }
    }
  }

  #pause(duration: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#closing;
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, duration);
      signal.addEventListener('abort', done);
    });
  }

  /** Answers whether reads and writes work at this moment, without trying again. */
  async ping(): Promise<void> {
    try {
      const pings = this.#db.collection<{ _id: string; at: Date }>(`${this.process}.ping`);
      await within(ATTEMPT_TIMEOUT, () =>
        pings.updateOne({ _id: 'ping' }, { $set: { at: new Date() } }, { upsert: true }),
      );
    } catch (error) {
      throw mongoFailure(error, `writing to ${this.place}`);
    }
  }

  /** From now on nothing is tried a second time. */
  giveUp(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    this.giveUp();
    await this.#client.close();
  }
}

/** Rejects with a network time-out when the action takes longer; what becomes of it then is nobody's concern. */
async function within<R>(duration: number, action: () => Promise<R>, signal?: AbortSignal): Promise<R> {
  let stop: () => void = () => {};
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(new MongoNetworkTimeoutError(`no answer in ${duration} ms`)),
      duration,
    );
    const abort = (): void => reject(new StorageError('unavailable', 'the store was closed meanwhile'));
    signal?.addEventListener('abort', abort);
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
  });
  const result = action();
  result.catch(() => {});
  try {
    return await Promise.race([result, late]);
  } finally {
    stop();
  }
}
