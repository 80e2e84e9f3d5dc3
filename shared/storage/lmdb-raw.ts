import { archiveDatabases, packEntry, packHead, unpackEntry, unpackHead } from './lmdb-archive.js';
import type { LmdbEnvironment } from './lmdb-environment.js';
import { keyvalDatabase, packDocument, unpackDocument } from './lmdb-keyval.js';
import type { LmdbKey } from './lmdb-options.js';
import { keysInChunks } from './lmdb-overlay.js';
import type { Commit } from './lmdb-writer.js';
import { misplaced, type RawCollection, type RawRecord, type RawStorage } from './raw.js';
import { StorageError } from './storage.js';

/** Raw access to an LMDB environment, which it owns from now on. */
export function lmdbRaw(environment: LmdbEnvironment): RawStorage {
  return {
    async collections() {
      const found: RawCollection[] = [];
      for (const name of environment.databaseNames()) {
        const match = /^(keyval|archive):(.+)$/.exec(name);
        if (match?.[2] === undefined) continue;
        found.push({ kind: match[1] === 'archive' ? 'archive' : 'keyval', name: match[2] });
      }
      return found.sort((a, b) => (a.name < b.name ? -1 : 1));
    },

    async *read(collection) {
      if (collection.kind === 'keyval') {
        yield* records(environment, keyvalDatabase(collection.name), document);
        return;
      }
      const names = archiveDatabases(collection.name);
      yield* records(environment, names.entries, entry);
      yield* records(environment, names.heads, head);
    },

    async add(collection, records) {
      // Sub-databases come into being where they are asked for.
      for (const name of databases(collection)) environment.database(name);
      let last: Commit | undefined;
      for (const record of records) {
        last = environment.write(...packed(collection, record));
      }
      await last?.durable;
    },

    close: () => environment.close(),
  };
}

async function* records(
  environment: LmdbEnvironment,
  name: string,
  read: (key: LmdbKey, stored: string) => RawRecord | undefined,
): AsyncGenerator<RawRecord> {
  const database = environment.database(name);
  for await (const key of keysInChunks(environment, database)) {
    const bytes = database?.get(key);
    if (bytes === undefined) continue;
    const record = read(key, bytes.toString('utf8'));
    if (record === undefined)
      throw new StorageError('corrupt', `${name}: ${JSON.stringify(key)} cannot be read`);
    yield record;
  }
}

function document(key: LmdbKey, stored: string): RawRecord | undefined {
  const parts = unpackDocument(stored);
  return typeof key === 'string' && parts !== undefined
    ? { kind: 'document', owner: key, ...parts }
    : undefined;
}

function entry(key: LmdbKey, stored: string): RawRecord | undefined {
  const parts = unpackEntry(stored);
  if (typeof key === 'string' || parts === undefined) return undefined;
  return { kind: 'entry', owner: key[0], id: key[1], ...parts };
}

function head(key: LmdbKey, stored: string): RawRecord | undefined {
  const last = unpackHead(stored);
  return typeof key === 'string' && last !== undefined ? { kind: 'head', owner: key, last } : undefined;
}

function packed(collection: RawCollection, record: RawRecord): [name: string, key: LmdbKey, text: string] {
  if (collection.kind === 'keyval') {
    if (record.kind !== 'document') throw misplaced(collection, record);
    const { owner, schemaVersion, version, text } = record;
    return [keyvalDatabase(collection.name), owner, packDocument(schemaVersion, version, text)];
  }
  const names = archiveDatabases(collection.name);
  if (record.kind === 'entry') {
    return [names.entries, [record.owner, record.id], packEntry(record.schemaVersion, record.text)];
  }
  if (record.kind === 'head') return [names.heads, record.owner, packHead(record.last)];
  throw misplaced(collection, record);
}

function databases(collection: RawCollection): string[] {
  if (collection.kind === 'keyval') return [keyvalDatabase(collection.name)];
  return Object.values(archiveDatabases(collection.name));
}
