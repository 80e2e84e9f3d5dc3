import { type Collection, type IndexDescription, MongoBulkWriteError, ObjectId } from 'mongodb';
import { checkOwner, encodeValue } from './document.js';
import type { MongoConnection } from './mongodb-connection.js';
import { bulkFailures, isDuplicateKey, mongoFailure } from './mongodb-errors.js';
import { ownersOf } from './mongodb-keyval.js';
import { Lane, type LaneOperation } from './mongodb-lane.js';
import { readableEntries, type StoredEntry, type Unreadable } from './readable-entries.js';
import {
  type ArchiveCollection,
  type ArchiveEntry,
  type ArchivePage,
  type CollectionDefinition,
  StorageError,
} from './storage.js';

/** An entry as it is kept. Its `_id` comes from us, so that sending it twice stores it once. */
export interface MongoEntry {
  readonly _id: ObjectId;
  readonly owner: string;
  readonly id: number;
  readonly schemaVersion: number;
  /** The JSON text of the value. */
  readonly document: string;
}

/** The last id that an owner's archive has given out; it stays when entries go, so that no id ever comes twice. */
export interface MongoHead {
  readonly _id: string;
  readonly last: number;
}

/** The suffix of the collection with an archive's heads; it also tells an archive from a keyval collection. */
export const HEADS = '.heads';

/** What every archive is indexed by, made when it is opened. */
export const archiveIndexes: readonly IndexDescription[] = [
  { name: 'owner_id', key: { owner: 1, id: 1 }, unique: true },
];

interface Append extends LaneOperation {
  readonly kind: 'append';
  readonly schemaVersion: number;
  readonly text: string;
  readonly token: ObjectId;
  resolve(id: number): void;
}

interface Remove extends LaneOperation {
  readonly kind: 'remove';
  readonly ids: readonly number[];
  resolve(): void;
}

interface Trim extends LaneOperation {
  readonly kind: 'trim';
  readonly keep: number;
  resolve(removed: number): void;
}

type ArchiveOperation = Append | Remove | Trim;

/** How often an append looks for free ids after a counter was found behind its entries. */
const ID_ATTEMPTS = 3;

/** One archive in the database; whoever declares it again shares its lane. */
export class MongoArchiveStore {
  readonly connection: MongoConnection;
  readonly name: string;
  readonly entries: Collection<MongoEntry>;
  readonly heads: Collection<MongoHead>;
  readonly lane: Lane<ArchiveOperation>;
  #indexed: Promise<void> | undefined;

  constructor(connection: MongoConnection, name: string) {
    this.connection = connection;
    this.name = name;
    this.entries = connection.collection<MongoEntry>(name);
    this.heads = connection.collection<MongoHead>(`${name}${HEADS}`);
    this.lane = new Lane((operations) =>
      connection.exclusively(
        name,
        operations.map((operation) => operation.owner),
        () => this.#fly(operations),
      ),
    );
    // A failure shows in the first write, which asks for the indexes again.
    this.ready().catch(() => {});
  }

  /** Resolves when the indexes are there: without the unique one an id could come twice. */
  ready(): Promise<void> {
    this.#indexed ??= this.connection
      .run(`indexing ${this.name}`, () => this.entries.createIndexes([...archiveIndexes]))
      .then(
        () => {},
        (error: unknown) => {
          this.#indexed = undefined;
          throw error;
        },
      );
    return this.#indexed;
  }

  async #fly(operations: ArchiveOperation[]): Promise<void> {
    await this.ready();
    const appends: Append[] = [];
    const others: Promise<void>[] = [];
    for (const operation of operations) {
      if (operation.kind === 'append') appends.push(operation);
      else if (operation.kind === 'remove') others.push(this.#remove(operation));
      else others.push(this.#trim(operation));
    }
    if (appends.length > 0) others.push(this.#append(appends, 1));
    await Promise.all(others);
  }

  async #append(appends: readonly Append[], round: number): Promise<void> {
    const failed = new Map<Append, unknown>();
    let entries: MongoEntry[];
    try {
      entries = await this.#number(appends);
      await this.connection.run(`appending to ${this.name}`, async (attempt) => {
        failed.clear();
        try {
          await this.entries.bulkWrite(
            entries.map((document) => ({ insertOne: { document } })),
            { ordered: false },
          );
        } catch (error) {
          if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined)
            throw error;
          const failures = bulkFailures(error);
          if (failures.length === 0) throw error;
          for (const failure of failures) {
            const append = appends[failure.index];
            if (append !== undefined) failed.set(append, failure);
          }
          if (attempt > 1) await this.#forgiveOwn(failed);
        }
      });
    } catch (error) {
      for (const append of appends) append.reject(error);
      return;
    }
    const again: Append[] = [];
    for (const [index, append] of appends.entries()) {
      const failure = failed.get(append);
      if (failure === undefined) append.resolve(entries[index]?.id ?? 0);
      else if (isDuplicateKey(failure) && round < ID_ATTEMPTS) again.push(append);
      else append.reject(mongoFailure(failure, `appending to ${this.name}`));
    }
    if (again.length > 0) await this.#appendBeyond(again, round + 1);
  }

  /** An entry that an earlier attempt has stored already is no failure. */
  async #forgiveOwn(failed: Map<Append, unknown>): Promise<void> {
    const tokens = [...failed.keys()].map((append) => append.token);
    const found = await this.entries.find({ _id: { $in: tokens } }, { projection: { _id: 1 } }).toArray();
    const stored = new Set(found.map((entry) => entry._id.toHexString()));
    for (const append of failed.keys()) if (stored.has(append.token.toHexString())) failed.delete(append);
  }

  /** Gives each entry its id. Carried out twice it leaves a gap, which does no harm. */
  async #number(appends: readonly Append[]): Promise<MongoEntry[]> {
    const counts = new Map<string, number>();
    for (const { owner } of appends) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const next = new Map<string, number>();
    await Promise.all(
      [...counts].map(async ([owner, count]) => {
        const head = await this.connection.run(`numbering in ${this.name}`, () =>
          this.#reserve(owner, count),
        );
        next.set(owner, head - count + 1);
      }),
    );
    return appends.map(({ owner, token, schemaVersion, text }) => {
      const id = next.get(owner) ?? 0;
      next.set(owner, id + 1);
      return { _id: token, owner, id, schemaVersion, document: text };
    });
  }

  async #reserve(owner: string, count: number): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        const head = await this.heads.findOneAndUpdate(
          { _id: owner },
          { $inc: { last: count } },
          { upsert: true, returnDocument: 'after' },
        );
        if (head !== null) return head.last;
        throw new StorageError('corrupt', `${this.name}: the counter of an owner is gone`);
      } catch (error) {
        // Two instances that both make the first counter meet at its key: one has to ask again.
        if (!isDuplicateKey(error) || attempt >= ID_ATTEMPTS) throw error;
      }
    }
  }

  /** The counter was behind the entries (after a partial restore, say): lifts it above them and appends again. */
  async #appendBeyond(appends: readonly Append[], round: number): Promise<void> {
    try {
      for (const owner of new Set(appends.map((append) => append.owner))) {
        await this.connection.run(`numbering in ${this.name}`, async () => {
          const newest = await this.entries.find({ owner }).sort({ id: -1 }).limit(1).toArray();
          await this.heads.updateOne(
            { _id: owner },
            { $max: { last: newest[0]?.id ?? 0 } },
            { upsert: true },
          );
        });
      }
    } catch (error) {
      for (const append of appends) append.reject(error);
      return;
    }
    await this.#append(appends, round);
  }

  async #remove(operation: Remove): Promise<void> {
    const { owner, ids } = operation;
    try {
      await this.connection.run(`removing from ${this.name}`, () =>
        this.entries.deleteMany({ owner, id: { $in: [...ids] } }),
      );
      operation.resolve();
    } catch (error) {
      operation.reject(error);
    }
  }

  async #trim(operation: Trim): Promise<void> {
    const { owner, keep } = operation;
    try {
      const newest = await this.connection.run(`trimming ${this.name}`, () =>
        this.entries
          .find({ owner }, { projection: { id: 1 } })
          .sort({ id: -1 })
          .skip(Math.max(0, keep))
          .limit(1)
          .toArray(),
      );
      const bound = newest[0]?.id;
      if (bound === undefined) return operation.resolve(0);
      // By id, so that an attempt that is carried out late does not take what was appended since.
      let removed = 0;
      await this.connection.run(`trimming ${this.name}`, async () => {
        removed += (await this.entries.deleteMany({ owner, id: { $lte: bound } })).deletedCount;
      });
      operation.resolve(removed);
    } catch (error) {
      operation.reject(error);
    }
  }
}

/** One collection of archives in MongoDB. */
export class MongoArchive<T> implements ArchiveCollection<T> {
  readonly #store: MongoArchiveStore;
  readonly #definition: CollectionDefinition<T>;
  readonly #unreadable: Unreadable;

  constructor(store: MongoArchiveStore, definition: CollectionDefinition<T>, unreadable: Unreadable) {
    this.#unreadable = unreadable;
    this.#store = store;
    this.#definition = definition;
  }

  async append(owner: string, value: T): Promise<number> {
    checkOwner(this.#definition.name, owner);
    const text = encodeValue(this.#definition, owner, value);
    const { schemaVersion } = this.#definition;
    return new Promise((resolve, reject) => {
      const token = new ObjectId();
      this.#store.lane.add({
        kind: 'append',
        together: true,
        owner,
        schemaVersion,
        text,
        token,
        resolve,
        reject,
      });
    });
  }

  async page(owner: string, page: ArchivePage = {}): Promise<ArchiveEntry<T>[]> {
    checkOwner(this.#definition.name, owner);
    // The protocol takes a limit of 0 for none.
    if (page.limit === 0) return [];
    await this.#store.lane.settled(owner);
    const fetch = (part: ArchivePage) => this.#fetch(owner, part);
    return readableEntries(this.#definition, owner, page, fetch, this.#unreadable);
  }

  async #fetch(owner: string, page: ArchivePage): Promise<StoredEntry[]> {
    const id = { $gt: page.after ?? 0, $lt: page.before ?? Number.MAX_SAFE_INTEGER };
    const found = await this.#store.connection.run(`reading from ${this.#definition.name}`, () =>
      this.#store.entries
        .find({ owner, id })
        .sort({ id: page.backwards === true ? -1 : 1 })
        .limit(page.limit ?? 0)
        .toArray(),
    );
    return found.map(({ id, schemaVersion, document }) => ({ id, schemaVersion, text: document }));
  }

  async remove(owner: string, ids: readonly number[]): Promise<void> {
    checkOwner(this.#definition.name, owner);
    if (ids.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#store.lane.add({ kind: 'remove', owner, ids, resolve, reject });
    });
  }

  async trim(owner: string, keep: number): Promise<number> {
    checkOwner(this.#definition.name, owner);
    return new Promise((resolve, reject) => {
      this.#store.lane.add({ kind: 'trim', owner, keep, resolve, reject });
    });
  }

  async clear(owner: string): Promise<void> {
    await this.trim(owner, 0);
  }

  async count(owner: string): Promise<number> {
    checkOwner(this.#definition.name, owner);
    await this.#store.lane.settled(owner);
    return this.#store.connection.run(`counting ${this.#definition.name}`, () =>
      this.#store.entries.countDocuments({ owner }),
    );
  }

  async *owners(prefix = ''): AsyncGenerator<string> {
    await this.#store.lane.idle();
    // The heads list everyone who ever had an entry; those who have one now are wanted.
    let chunk: string[] = [];
    for await (const owner of ownersOf(this.#store.connection, this.#store.heads, prefix)) {
      if (chunk.push(owner) < 200) continue;
      yield* await this.#present(chunk);
      chunk = [];
    }
    yield* await this.#present(chunk);
  }

  async #present(owners: readonly string[]): Promise<string[]> {
    if (owners.length === 0) return [];
    const found = await this.#store.connection.run(`reading from ${this.#definition.name}`, () =>
      this.#store.entries.distinct('owner', { owner: { $in: [...owners] } }),
    );
    const present = new Set(found);
    return owners.filter((owner) => present.has(owner));
  }
}
