import {
  type Collection,
  type Document,
  type Filter,
  MongoBulkWriteError,
  ObjectId,
  type Sort,
} from 'mongodb';
import { archiveIndexes, HEADS, type MongoEntry, type MongoHead } from './mongodb-archive.js';
import type { MongoConnection } from './mongodb-connection.js';
import { bulkFailures, isDuplicateKey } from './mongodb-errors.js';
import type { MongoDocument } from './mongodb-keyval-store.js';
import { misplaced, type RawStorage } from './raw.js';

/** Raw access to the collections of one process, over a connection that it owns from now on. */
export function mongoRaw(connection: MongoConnection): RawStorage {
  return {
    async collections() {
      const names = new Set(await collectionNames(connection));
      const prefix = `${connection.process}_`;
      return [...names]
        .filter((name) => name.startsWith(prefix) && !name.includes('.', prefix.length))
        .map((name) => ({
          kind: names.has(`${name}${HEADS}`) ? ('archive' as const) : ('keyval' as const),
          name: name.slice(prefix.length),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },

    async *read(collection) {
      if (collection.kind === 'keyval') {
        const documents = connection.collection<MongoDocument>(collection.name);
        for await (const { _id, schemaVersion, version, document } of sorted(documents, { _id: 1 })) {
          yield { kind: 'document', owner: _id, schemaVersion, version, text: document };
        }
        return;
      }
      const entries = connection.collection<MongoEntry>(collection.name);
      for await (const { owner, id, schemaVersion, document } of sorted(entries, { owner: 1, id: 1 })) {
        yield { kind: 'entry', owner, id, schemaVersion, text: document };
      }
      const heads = connection.collection<MongoHead>(`${collection.name}${HEADS}`);
      for await (const { _id, last } of sorted(heads, { _id: 1 })) yield { kind: 'head', owner: _id, last };
    },

    async add(collection, records) {
      const documents: MongoDocument[] = [];
      const entries: MongoEntry[] = [];
      const heads: MongoHead[] = [];
      for (const record of records) {
        if (record.kind === 'document' && collection.kind === 'keyval') {
          const { owner, schemaVersion, version, text } = record;
          documents.push({ _id: owner, schemaVersion, version, token: new ObjectId(), document: text });
        } else if (record.kind === 'entry' && collection.kind === 'archive') {
          const { owner, id, schemaVersion, text } = record;
          entries.push({ _id: new ObjectId(), owner, id, schemaVersion, document: text });
        } else if (record.kind === 'head' && collection.kind === 'archive') {
          heads.push({ _id: record.owner, last: record.last });
        } else {
          throw misplaced(collection, record);
        }
      }
      if (collection.kind === 'archive') {
        const archive = connection.collection<MongoEntry>(collection.name);
        await connection.run(`indexing ${collection.name}`, () => archive.createIndexes([...archiveIndexes]));
      }
      await insert(connection, collection.name, documents);
      await insert(connection, collection.name, entries);
      await insert(connection, `${collection.name}${HEADS}`, heads);
    },

    close: () => connection.close(),
  };
}

/** The names of the processes that have collections in this database. */
export async function mongoProcesses(connection: MongoConnection): Promise<string[]> {
  const names = await collectionNames(connection);
  const processes = names.map((name) => /^([a-z][a-z0-9-]*)_[^.]+$/.exec(name)?.[1]);
  return [...new Set(processes.filter((name) => name !== undefined))].sort();
}

async function collectionNames(connection: MongoConnection): Promise<string[]> {
  const list = await connection.run('listing collections', () =>
    connection.db.listCollections({}, { nameOnly: true }).toArray(),
  );
  return list.map((collection) => collection.name);
}

function sorted<D extends Document>(collection: Collection<D>, sort: Sort) {
  const all: Filter<D> = {};
  return collection.find(all).sort(sort);
}

async function insert<D extends Document>(
  connection: MongoConnection,
  name: string,
  documents: readonly D[],
): Promise<void> {
  if (documents.length === 0) return;
  const collection: Collection = connection.collection(name);
  await connection.run(`writing to ${name}`, async (attempt) => {
    try {
      await collection.insertMany([...documents], { ordered: false });
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError) || attempt === 1) throw error;
      // What an earlier attempt has stored is there.
      const failures = bulkFailures(error);
      if (failures.length === 0 || !failures.every(isDuplicateKey)) throw error;
    }
  });
}
