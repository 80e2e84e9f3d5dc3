import { type Collection, type Db, MongoBulkWriteError, ObjectId } from 'mongodb';
import { bulkFailures, isDuplicateKey } from './mongodb-errors.js';
import { type Holder, hasEnded, thisProcess } from './process-start.js';
import { StorageError } from './storage.js';

interface Lock {
  readonly _id: ObjectId;
  readonly owner: string;
  /** Who holds it. */
  readonly holder?: Holder;
}

/** A lock that one waiter sees unchanged for so long (ms) was left behind by a dead process of another machine. */
const STALE = 20_000;
/** So long (ms) a waiter waits at most. */
const PATIENCE = 30_000;

/**
 * Locks on owners, for servers on which an update is two steps, a read and a write, between which another update
 * can come: FerretDB 1 is such a one. There, the insertion of a unique key is all that is atomic, so that is what
 * a lock is made of. MongoDB needs none of this.
 */
export class OwnerLocks {
  readonly #locks: Collection<Lock>;
  readonly #self = thisProcess();
  #indexed: Promise<unknown> | undefined;

  readonly #retry: <R>(what: string, action: () => Promise<R>) => Promise<R>;

  constructor(db: Db, name: string, retry: <R>(what: string, action: () => Promise<R>) => Promise<R>) {
    this.#locks = db.collection<Lock>(name);
    this.#retry = retry;
  }

  /** Carries out `action` while no other process holds any of these owners. */
  async hold<R>(owners: Iterable<string>, action: () => Promise<R>): Promise<R> {
    this.#indexed ??= this.#retry('indexing locks', () =>
      this.#locks.createIndex({ owner: 1 }, { name: 'owner', unique: true }),
    );
    await this.#indexed.catch((error: unknown) => {
      this.#indexed = undefined;
      throw error;
    });
    // Everybody takes them in the same order, so that no two can wait for each other.
    const locks = [...new Set(owners)]
      .sort()
      .map((owner) => ({ _id: new ObjectId(), owner, holder: this.#self }));
    try {
      await this.#acquire(locks);
      return await action();
    } finally {
      const release = (): Promise<unknown> =>
        this.#locks.deleteMany({ _id: { $in: locks.map((lock) => lock._id) } });
      // What cannot be released goes stale.
      await this.#retry('unlocking', release).catch(() => {});
    }
  }

  async #acquire(locks: readonly Lock[]): Promise<void> {
    const begin = performance.now();
    let seen: { lock: ObjectId; since: number } | undefined;
    let rest = locks;
    for (;;) {
      const wanted = rest;
      rest = rest.slice(await this.#retry('locking', () => this.#take(wanted)));
      const next = rest[0];
      if (next === undefined) return;
      if (performance.now() - begin > PATIENCE) {
        throw new StorageError('unavailable', `${this.#locks.collectionName}: an owner stays locked`);
      }
      const holder = await this.#retry('looking at locks', () => this.#locks.findOne({ owner: next.owner }));
      if (holder === null) continue;
      // The answer to an earlier attempt of our own was lost, the lock was not.
      if (holder._id.equals(next._id)) rest = rest.slice(1);
      else {
        if (seen === undefined || !seen.lock.equals(holder._id))
          seen = { lock: holder._id, since: performance.now() };
        // one that was killed here is known to be gone; of others only the time tells
        const left = performance.now() - seen.since > STALE || (holder.holder && hasEnded(holder.holder));
        if (left) await this.#retry('unlocking', () => this.#locks.deleteOne({ _id: holder._id }));
      }
      if (rest.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 20));
    }
  }

  /** How many of the locks, from the first on, could be taken. */
  async #take(locks: readonly Lock[]): Promise<number> {
    try {
      await this.#locks.insertMany([...locks], { ordered: true });
      return locks.length;
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      const failure = bulkFailures(error)[0];
      if (failure === undefined || !isDuplicateKey(failure)) throw error;
      return failure.index;
    }
  }
}
