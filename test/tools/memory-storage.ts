import {
  checkCollection,
  checkOwner,
  conflict,
  decodeValue,
  encodeValue,
  parseText,
} from '../../shared/storage/document.js';
import { readableEntries } from '../../shared/storage/readable-entries.js';
import {
  type ArchiveCollection,
  type ArchivePage,
  type CollectionDefinition,
  type KeyValueCollection,
  type Storage,
  StorageError,
  type Versioned,
  type WriteOptions,
} from '../../shared/storage/storage.js';

/** A store without a disk, for the unit tests of what uses one. It keeps JSON text, as the drivers do. */
export interface MemoryStorage extends Storage {
  /** From now on every call fails with this error, until it is called without one. */
  failWith(error?: StorageError): void;
}

interface MemoryOptions {
  /** Whether `getSync` answers, as with lmdb (the default), or says `'async'`, as with mongodb. */
  readonly synchronous?: boolean;
}

interface Document {
  readonly schemaVersion: number;
  readonly version: number;
  readonly text: string;
}

interface Archive {
  last: number;
  readonly entries: Map<number, { readonly schemaVersion: number; readonly text: string }>;
}

/** A storage that forgets everything with the process: for tests. */
export function createMemoryStorage(options: MemoryOptions = {}): MemoryStorage {
  const synchronous = options.synchronous !== false;
  const documents = new Map<string, Map<string, Document>>();
  const archives = new Map<string, Map<string, Archive>>();
  let failure: StorageError | undefined;
  let closed = false;

  const check = (): void => {
    if (closed) throw new StorageError('unavailable', 'the store is closed');
    if (failure !== undefined) throw failure;
  };

  return {
    keyval: (definition) => keyval(definition, named(documents, definition.name), check, synchronous),
    archive: (definition) => archive(definition, named(archives, definition.name), check),
    async ping() {
      check();
    },
    async backup() {
      throw new StorageError('unsupported', 'a store in memory has no backup');
    },
    async close() {
      closed = true;
    },
    failWith(error) {
      failure = error;
    },
  };
}

function keyval<T>(
  definition: CollectionDefinition<T>,
  documents: Map<string, Document>,
  check: () => void,
  synchronous: boolean,
): KeyValueCollection<T> {
  const read = (owner: string): Versioned<T> | undefined => {
    check();
    checkOwner(definition.name, owner);
    const document = documents.get(owner);
    if (document === undefined) return undefined;
    const value = parseText(definition.name, owner, document.text);
    return {
      value: decodeValue(definition, owner, { schemaVersion: document.schemaVersion, value }),
      version: document.version,
    };
  };
  const expect = (owner: string, options: WriteOptions | undefined): number => {
    check();
    checkOwner(definition.name, owner);
    const version = documents.get(owner)?.version ?? 0;
    if (options?.expect !== undefined && options.expect !== version) {
      throw conflict(definition.name, owner, options.expect, version);
    }
    return version;
  };
  return {
    async get(owner) {
      return read(owner);
    },
    getSync: (owner) => (synchronous ? read(owner) : 'async'),
    async put(owner, value, options) {
      const version = expect(owner, options) + 1;
      const text = encodeValue(definition, owner, value);
      documents.set(owner, { schemaVersion: definition.schemaVersion, version, text });
      await nextTurn();
      return version;
    },
    async delete(owner, options) {
      expect(owner, options);
      const had = documents.delete(owner);
      await nextTurn();
      return had;
    },
    async *owners(prefix = '') {
      check();
      yield* ordered(documents.keys(), prefix);
    },
    async count() {
      check();
      return documents.size;
    },
  };
}

function archive<T>(
  definition: CollectionDefinition<T>,
  archives: Map<string, Archive>,
  check: () => void,
): ArchiveCollection<T> {
  const entriesOf = (owner: string): Archive['entries'] => {
    check();
    checkOwner(definition.name, owner);
    return archives.get(owner)?.entries ?? new Map();
  };
  const trim = async (owner: string, keep: number): Promise<number> => {
    const entries = entriesOf(owner);
    const surplus = [...entries.keys()].slice(0, Math.max(0, entries.size - Math.max(0, keep)));
    for (const id of surplus) entries.delete(id);
    await nextTurn();
    return surplus.length;
  };
  return {
    async append(owner, value) {
      check();
      checkOwner(definition.name, owner);
      const text = encodeValue(definition, owner, value);
      const kept = archives.get(owner) ?? { last: 0, entries: new Map() };
      archives.set(owner, kept);
      kept.last += 1;
      const id = kept.last;
      kept.entries.set(id, { schemaVersion: definition.schemaVersion, text });
      await nextTurn();
      return id;
    },
    async page(owner, page: ArchivePage = {}) {
      const fetch = ({ after = 0, before = Number.POSITIVE_INFINITY, backwards, limit }: ArchivePage) => {
        const found = [...entriesOf(owner)].map(([id, entry]) => ({ id, ...entry }));
        if (backwards === true) found.reverse();
        return found.filter(({ id }) => id > after && id < before).slice(0, limit);
      };
      return readableEntries(definition, owner, page, fetch, () => undefined);
    },
    async remove(owner, ids) {
      const entries = entriesOf(owner);
      for (const id of ids) entries.delete(id);
      await nextTurn();
    },
    trim,
    async clear(owner) {
      await trim(owner, 0);
    },
    async count(owner) {
      return entriesOf(owner).size;
    },
    async *owners(prefix = '') {
      check();
      const present = [...archives].filter(([, kept]) => kept.entries.size > 0).map(([owner]) => owner);
      yield* ordered(present, prefix);
    },
  };
}

function named<T>(collections: Map<string, Map<string, T>>, name: string): Map<string, T> {
  checkCollection(name);
  const found = collections.get(name) ?? new Map<string, T>();
  collections.set(name, found);
  return found;
}

function ordered(owners: Iterable<string>, prefix: string): string[] {
  const matching = [...owners].filter((owner) => owner.startsWith(prefix));
  return matching.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** A write is durable later than it is called: a caller that forgets to wait shall fail its tests. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
