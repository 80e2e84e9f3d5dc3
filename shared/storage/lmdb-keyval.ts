import { checkOwner, conflict, decodeValue, encodeValue, parseText } from './document.js';
import type { OverlaidDatabase } from './lmdb-overlay.js';
import type { CollectionDefinition, KeyValueCollection, Versioned, WriteOptions } from './storage.js';

// A stored document is `{"schemaVersion":1,"version":7,"value":…}`, always with its members in this order, so that
// a write can tell the version without parsing the value.
const HEADER = /^\{"schemaVersion":(\d+),"version":(\d+),"value":/;

interface StoredDocument {
  readonly schemaVersion: number;
  readonly version: number;
  readonly value: unknown;
}

/** The name of a keyval collection's sub-database. */
export function keyvalDatabase(collection: string): string {
  return `keyval:${collection}`;
}

/** A document as it is stored; `text` is its value in JSON. */
export function packDocument(schemaVersion: number, version: number, text: string): string {
  return `{"schemaVersion":${schemaVersion},"version":${version},"value":${text}}`;
}

/** The parts of a stored document as they are; undefined if the text is none. */
export function unpackDocument(
  stored: string,
): { schemaVersion: number; version: number; text: string } | undefined {
  const match = HEADER.exec(stored);
  if (match === null) return undefined;
  return {
    schemaVersion: Number(match[1]),
    version: Number(match[2]),
    text: stored.slice(match[0].length, -1),
  };
}

/** One collection of documents in lmdb. */
export class LmdbKeyValue<T> implements KeyValueCollection<T> {
  readonly #definition: CollectionDefinition<T>;
  readonly #database: OverlaidDatabase;

  constructor(database: OverlaidDatabase, definition: CollectionDefinition<T>) {
    this.#definition = definition;
    this.#database = database;
  }

  async get(owner: string): Promise<Versioned<T> | undefined> {
    return this.getSync(owner);
  }

  getSync(owner: string): Versioned<T> | undefined {
    const { name } = this.#definition;
    checkOwner(name, owner);
    const text = this.#database.get(owner);
    if (text === undefined) return undefined;
    const stored = parseText(name, owner, text) as StoredDocument;
    return { value: decodeValue(this.#definition, owner, stored), version: stored.version };
  }

  async put(owner: string, value: T, options?: WriteOptions): Promise<number> {
    checkOwner(this.#definition.name, owner);
    const text = encodeValue(this.#definition, owner, value);
    const version = this.#expect(owner, options) + 1;
    const stored = packDocument(this.#definition.schemaVersion, version, text);
    await this.#database.put(owner, stored).durable;
    return version;
  }

  async delete(owner: string, options?: WriteOptions): Promise<boolean> {
    checkOwner(this.#definition.name, owner);
    const version = this.#expect(owner, options);
    if (version === 0) {
      // An earlier removal may still be on its way: what we say must be durable too.
      await this.#database.pendingCommit(owner)?.durable;
      return false;
    }
    await this.#database.remove(owner).durable;
    return true;
  }

  owners(prefix = ''): AsyncIterable<string> {
    return this.#database.owners(prefix);
  }

  count(): Promise<number> {
    return this.#database.count();
  }

  /** The present version (0: none), after checking it against what the caller expects. */
  #expect(owner: string, options: WriteOptions | undefined): number {
    const stored = this.#database.get(owner);
    // What is no document counts as version 1, so that a write can mend it.
    const version = stored === undefined ? 0 : Number(HEADER.exec(stored)?.[2] ?? 1);
    if (options?.expect !== undefined && options.expect !== version) {
      throw conflict(this.#definition.name, owner, options.expect, version);
    }
    return version;
  }
}
