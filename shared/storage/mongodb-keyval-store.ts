import { type AnyBulkWriteOperation, type Collection, MongoBulkWriteError, type ObjectId } from 'mongodb';
import { forgetOldest } from '../forget-oldest.js';
import { conflict } from './document.js';
import type { MongoConnection } from './mongodb-connection.js';
import { type BulkFailure, bulkFailures, isDuplicateKey, mongoFailure } from './mongodb-errors.js';
import { Lane, type LaneOperation } from './mongodb-lane.js';

/** A document as it is kept. */
export interface MongoDocument {
  readonly _id: string;
  readonly schemaVersion: number;
  readonly version: number;
  /** Whose write made this version: it tells an attempt that got through from another's write. */
  readonly token: ObjectId;
  /** The JSON text of the value. */
  readonly document: string;
}

interface Put extends LaneOperation {
  readonly kind: 'put';
  readonly schemaVersion: number;
  readonly text: string;
  readonly expect: number | undefined;
  readonly token: ObjectId;
  resolve(version: number): void;
}

interface Delete extends LaneOperation {
  readonly kind: 'delete';
  readonly expect: number | undefined;
  resolve(existed: boolean): void;
}

type KeyValueOperation = Put | Delete;

/** How often a write without an expectation begins again because another instance came first. */
const ROUNDS = 10;
/** So many owners' versions are remembered. */
const KNOWN_VERSIONS = 10_000;

/**
 * The writes of one keyval collection. Every one names the version that it replaces, also where its caller expects
 * none: an attempt that was given up, and that the server carries out later all the same, then meets another
 * version and does nothing, instead of undoing what was acknowledged since.
 */
export class MongoKeyValueStore {
  readonly connection: MongoConnection;
  readonly name: string;
  readonly documents: Collection<MongoDocument>;
  readonly lane: Lane<KeyValueOperation>;
  /** Versions as last seen here. One that is out of date costs a round, nothing more. */
  readonly #known = new Map<string, number>();

  constructor(connection: MongoConnection, name: string) {
    this.connection = connection;
    this.name = name;
    this.documents = connection.collection<MongoDocument>(name);
    this.lane = new Lane((operations) =>
      connection.exclusively(
        name,
        operations.map((operation) => operation.owner),
        () => this.#fly(operations),
      ),
    );
  }

  remember(owner: string, version: number): void {
    this.#known.delete(owner);
    this.#known.set(owner, version);
    forgetOldest(this.#known, KNOWN_VERSIONS);
  }

  async #fly(operations: KeyValueOperation[]): Promise<void> {
    const free: Put[] = [];
    const bound: Put[] = [];
    const work: Promise<void>[] = [];
    for (const operation of operations) {
      if (operation.kind === 'delete') work.push(this.#delete(operation));
      else if (operation.expect === undefined) free.push(operation);
      else bound.push(operation);
    }
    if (free.length > 0) work.push(this.#putFree(free, 1));
    if (bound.length > 0) work.push(this.#putBound(bound));
    await Promise.all(work);
  }

  /** Puts with expectations, in one bulk: each succeeds or is a conflict. */
  async #putBound(puts: readonly Put[]): Promise<void> {
    await this.#write(
      puts.map((put) => ({ put, version: put.expect ?? 0 })),
      (lost) => {
        for (const [put, found] of lost) {
          put.reject(conflict(this.name, put.owner, put.expect ?? 0, found?.version ?? 0));
        }
      },
    );
  }

  /** Puts over whatever is there: those whose version another instance has changed meanwhile begin again. */
  async #putFree(puts: readonly Put[], round: number): Promise<void> {
    let versions: Map<string, { version: number }>;
    try {
      const unknown = puts.filter((put) => !this.#known.has(put.owner));
      versions = await this.#find(unknown.map((put) => put.owner));
    } catch (error) {
      for (const put of puts) put.reject(error);
      return;
    }
    await this.#write(
      puts.map((put) => ({
        put,
        version: this.#known.get(put.owner) ?? versions.get(put.owner)?.version ?? 0,
      })),
      async (lost) => {
        const again = [...lost.keys()];
        if (round < ROUNDS) return this.#putFree(again, round + 1);
        for (const put of again) put.reject(conflict(this.name, put.owner, 0, lost.get(put)?.version));
      },
    );
  }

  /**
   * Sends puts, each replacing that version of its document (0: creating it); resolves those that got through and
   * hands over the others with what was found in their place.
   */
  async #write(
    writes: readonly { readonly put: Put; readonly version: number }[],
    lose: (lost: Map<Put, MongoDocument | undefined>) => void | Promise<void>,
  ): Promise<void> {
    const failed = new Map<Put, BulkFailure>();
    let found: Map<string, MongoDocument> | undefined;
    try {
      const complete = await this.connection.run(`writing to ${this.name}`, async () => {
        failed.clear();
        try {
          const operations = writes.map(({ put, version }) => bulkOperation(put, version));
          const result = await this.documents.bulkWrite(operations, { ordered: false });
          return result.matchedCount + result.insertedCount === writes.length;
        } catch (error) {
          if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined) {
            throw error;
          }
          const failures = bulkFailures(error);
          if (failures.length === 0) throw error;
          for (const failure of failures) {
            const put = writes[failure.index]?.put;
            if (put !== undefined) failed.set(put, failure);
          }
          return false;
        }
      });
      // A bulk tells how many of its updates matched, not which: the documents do, by their tokens.
      if (!complete) found = await this.#find(writes.map(({ put }) => put.owner));
    } catch (error) {
      for (const { put } of writes) put.reject(error);
      return;
    }
    const lost = new Map<Put, MongoDocument | undefined>();
    for (const { put, version } of writes) {
      const failure = failed.get(put);
      if (found === undefined || found.get(put.owner)?.token.equals(put.token) === true) {
        this.remember(put.owner, version + 1);
        put.resolve(version + 1);
      } else if (failure !== undefined && !isDuplicateKey(failure)) {
        put.reject(mongoFailure(failure, `writing to ${this.name}`));
      } else {
        this.#known.delete(put.owner);
        lost.set(put, found.get(put.owner));
      }
    }
    if (lost.size > 0) await lose(lost);
  }

  /** Versions and tokens of those documents that are there. */
  async #find(owners: readonly string[]): Promise<Map<string, MongoDocument>> {
    if (owners.length === 0) return new Map();
    // Only this form of a filter is looked up by its key in FerretDB 1.
    const filter = owners.length === 1 ? { _id: owners[0] ?? '' } : { _id: { $in: [...owners] } };
    const found = await this.connection.run(`reading from ${this.name}`, () =>
      this.documents.find(filter, { projection: { version: 1, token: 1 } }).toArray(),
    );
    return new Map(found.map((document) => [document._id, document]));
  }

  async #delete(operation: Delete): Promise<void> {
    const { owner, expect } = operation;
    this.#known.delete(owner);
    try {
      for (let round = 1; ; round++) {
        const version = (await this.#find([owner])).get(owner)?.version ?? 0;
        if (expect !== undefined && expect !== version) {
          return operation.reject(conflict(this.name, owner, expect, version));
        }
        if (version === 0) return operation.resolve(false);
        let attempts = 0;
        const result = await this.connection.run(`removing from ${this.name}`, (attempt) => {
          attempts = attempt;
          return this.documents.deleteOne({ _id: owner, version });
        });
        // After a lost answer, that it is gone is what was wanted.
        if (result.deletedCount === 1 || (attempts > 1 && !(await this.#find([owner])).has(owner))) {
          return operation.resolve(true);
        }
        if (round === ROUNDS) return operation.reject(conflict(this.name, owner, version, undefined));
      }
    } catch (error) {
      operation.reject(error);
    }
  }
}

function bulkOperation(put: Put, version: number): AnyBulkWriteOperation<MongoDocument> {
  const { owner, schemaVersion, token, text } = put;
  if (version === 0) {
    // The unique `_id` lets only one of several creations succeed.
    return { insertOne: { document: { _id: owner, schemaVersion, version: 1, token, document: text } } };
  }
  return {
    updateOne: {
      filter: { _id: owner, version },
      update: { $set: { schemaVersion, version: version + 1, token, document: text } },
    },
  };
}
