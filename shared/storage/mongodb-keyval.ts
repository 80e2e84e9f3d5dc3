import { type Collection, ObjectId } from 'mongodb';
import { checkOwner, decodeValue, encodeValue, parseText } from './document.js';
import type { MongoConnection } from './mongodb-connection.js';
import type { MongoKeyValueStore } from './mongodb-keyval-store.js';
import {
  type CollectionDefinition,
  type KeyValueCollection,
  StorageError,
  type Versioned,
  type WriteOptions,
} from './storage.js';

/** One keyval collection in the database, typed; whoever declares it again shares its store. */
export class MongoKeyValue<T> implements KeyValueCollection<T> {
  readonly #store: MongoKeyValueStore;
  readonly #definition: CollectionDefinition<T>;

  constructor(store: MongoKeyValueStore, definition: CollectionDefinition<T>) {
    this.#store = store;
    this.#definition = definition;
  }

  async get(owner: string): Promise<Versioned<T> | undefined> {
    const { name } = this.#definition;
    checkOwner(name, owner);
    await this.#store.lane.settled(owner);
    const stored = await this.#store.connection.run(`reading from ${name}`, () =>
      this.#store.documents.findOne({ _id: owner }),
    );
    if (stored === null) return undefined;
    this.#store.remember(owner, stored.version);
    const value = parseText(name, owner, stored.document);
    return {
      value: decodeValue(this.#definition, owner, { schemaVersion: stored.schemaVersion, value }),
      version: stored.version,
    };
  }

  getSync(): 'async' {
    return 'async';
  }

  async put(owner: string, value: T, options?: WriteOptions): Promise<number> {
    checkOwner(this.#definition.name, owner);
    const text = encodeValue(this.#definition, owner, value);
    return new Promise((resolve, reject) => {
      this.#store.lane.add({
        kind: 'put',
        owner,
        text,
        schemaVersion: this.#definition.schemaVersion,
        expect: expectation(options),
        token: new ObjectId(),
        resolve,
        reject,
      });
    });
  }

  async delete(owner: string, options?: WriteOptions): Promise<boolean> {
    checkOwner(this.#definition.name, owner);
    return new Promise((resolve, reject) => {
      this.#store.lane.add({ kind: 'delete', owner, expect: expectation(options), resolve, reject });
    });
  }

  async *owners(prefix = ''): AsyncGenerator<string> {
    await this.#store.lane.idle();
    yield* ownersOf(this.#store.connection, this.#store.documents, prefix);
  }

  async count(): Promise<number> {
    await this.#store.lane.idle();
    return this.#store.connection.run(`counting ${this.#definition.name}`, () =>
      this.#store.documents.countDocuments(),
    );
  }
}

function expectation(options: WriteOptions | undefined): number | undefined {
  const expect = options?.expect;
  if (expect !== undefined && !(Number.isSafeInteger(expect) && expect >= 0)) {
    throw new StorageError('conflict', `no document ever has version ${expect}`);
  }
  return expect;
}

const PAGE = 500;

/** The ids of a collection in order, page by page: no cursor has to outlive a lost connection. */
export async function* ownersOf<D extends { readonly _id: string }>(
  connection: MongoConnection,
  collection: Collection<D>,
  prefix: string,
): AsyncGenerator<string> {
  const ids = collection as unknown as Collection<{ _id: string }>;
  let after: string | undefined;
  for (;;) {
    const from = after === undefined ? { $gte: prefix } : { $gt: after };
    // U+10FFFF is no character: nothing that begins with the prefix sorts after it.
    const range = prefix === '' ? from : { ...from, $lt: `${prefix}\u{10ffff}` };
    const page = await connection.run(`reading from ${collection.collectionName}`, () =>
      ids
        .find({ _id: range }, { projection: { _id: 1 } })
        .sort({ _id: 1 })
        .limit(PAGE)
        .toArray(),
    );
    for (const { _id } of page) yield _id;
    after = page.at(-1)?._id;
    if (page.length < PAGE || after === undefined) return;
  }
}
