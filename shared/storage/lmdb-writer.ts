import { Worker } from 'node:worker_threads';
import { lmdbFailure } from './lmdb-errors.js';
import type { LmdbKey } from './lmdb-options.js';
import type { WriterReply, WriterRequest } from './lmdb-writer-thread.js';
import { StorageError } from './storage.js';

/** The transaction that holds the writes of one turn of the event loop, and of those that came while it waited. */
export interface Commit {
  /** Resolves when the transaction is on the disk; rejects with a StorageError. */
  readonly durable: Promise<void>;
  /** Runs once it is over, either way, before `durable` settles. */
  whenOver(action: () => void): void;
}

/** So many values (three to a write) go into one transaction, so that none takes very long. */
const BATCH_VALUES = 3 * 4000;

/** After so long without a write, in ms, the thread ends: it takes some 10 MB, and starts within 30 ms. */
const IDLE = 60_000;

class Batch implements Commit {
  readonly values: (string | LmdbKey | null)[] = [];
  /** Where the text of a document stands in `values`, by database and key. */
  readonly #places = new Map<string, number>();
  readonly durable: Promise<void>;
  readonly #over: (() => void)[] = [];
  #resolve: () => void = () => {};
  #reject: (error: StorageError) => void = () => {};

  constructor() {
    this.durable = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Each caller handles its own promise; this one is only the source of theirs.
    this.durable.catch(() => {});
  }

  /** Of several writes of one document only the last is seen: the others are left out. */
  add(database: string, key: LmdbKey, text: string | null): void {
    if (typeof key === 'string') {
      const place = `${database}\0${key}`;
      const known = this.#places.get(place);
      if (known !== undefined) {
        this.values[known] = text;
        return;
      }
      this.#places.set(place, this.values.length + 2);
    }
    this.values.push(database, key, text);
  }

  whenOver(action: () => void): void {
    this.#over.push(action);
  }

  finish(error: StorageError | undefined): void {
    for (const action of this.#over) action();
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}

/**
 * Hands writes to the thread that commits them, one transaction at a time. What comes while one is under way
 * gathers for the next: the slower the disk, the larger the transactions. The thread starts with the first write.
 */
export class LmdbWriter {
  readonly #folder: string;
  readonly #committed: (error: StorageError | undefined) => void;
  #thread: Worker | undefined;
  #waiting: Batch[] = [];
  #flying: Batch | undefined;
  #scheduled = false;
  #idle: NodeJS.Timeout | undefined;
  readonly #patience: number;

  /** `committed` is called after each transaction, before anyone is told of it; `idle` is in ms. */
  constructor(folder: string, committed: (error: StorageError | undefined) => void, idle = IDLE) {
    this.#folder = folder;
    this.#committed = committed;
    this.#patience = idle;
  }

  /** Queues one write; null removes. All writes of one turn happen, in their order, or none does. */
  write(database: string, key: LmdbKey, text: string | null): Commit {
    let batch = this.#waiting.at(-1);
    // A batch is only closed between two turns: #scheduled is false where a new turn begins.
    if (batch === undefined || (batch.values.length >= BATCH_VALUES && !this.#scheduled)) {
      batch = new Batch();
      this.#waiting.push(batch);
    }
    batch.add(database, key, text);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#send();
      });
    }
    return batch;
  }

  /** Whether there is a thread now. */
  get running(): boolean {
    return this.#thread !== undefined;
  }

  /** Resolves when every write that is queued now is over, one way or the other. */
  async settled(): Promise<void> {
    const all = this.#flying === undefined ? this.#waiting : [this.#flying, ...this.#waiting];
    await Promise.allSettled(all.map((batch) => batch.durable));
  }

  /** Finishes what is queued, and ends the thread. */
  async close(): Promise<void> {
    while (this.#flying !== undefined || this.#waiting.length > 0) await this.settled();
    clearTimeout(this.#idle);
    await this.#retire();
  }

  async #retire(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread === undefined) return;
    thread.removeAllListeners();
    const ended = new Promise<void>((resolve) => {
      thread.once('exit', () => resolve());
      thread.once('error', () => resolve());
    });
    thread.ref();
    thread.postMessage('close' satisfies WriterRequest);
    await ended;
  }

  #send(): void {
    if (this.#flying !== undefined) return;
    const batch = this.#waiting.shift();
    if (batch === undefined) {
      // An idle thread does not keep the process alive.
      this.#thread?.unref();
      this.#idle ??= setTimeout(() => {
        if (this.#flying === undefined) void this.#retire();
      }, this.#patience).unref();
      this.#idle.refresh();
      return;
    }
    this.#flying = batch;
    try {
      this.#thread ??= this.#start();
      this.#thread.ref();
      this.#thread.postMessage(batch.values satisfies WriterRequest);
    } catch (error) {
      this.#finish(lmdbFailure(error, `writing to ${this.#folder}`, this.#folder));
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL('./lmdb-writer-thread.js', import.meta.url), {
      workerData: { folder: this.#folder },
      name: 'storage',
      // The flags of the process (a test runner's, a debugger's) are not for this thread.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    });
    thread.on('message', (reply: WriterReply) => {
      this.#finish(
        reply === null ? undefined : lmdbFailure(reply, `writing to ${this.#folder}`, this.#folder),
      );
    });
    const lost = (reason: string): void => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#finish(new StorageError('unavailable', `writing to ${this.#folder}: ${reason}`));
    };
    thread.on('error', (error) => lost(error.message));
    thread.on('exit', (code) => lost(`the writing thread ended with ${code}`));
    return thread;
  }

  #finish(error: StorageError | undefined): void {
    const batch = this.#flying;
    this.#flying = undefined;
    this.#committed(error);
    batch?.finish(error);
    this.#send();
  }
}
