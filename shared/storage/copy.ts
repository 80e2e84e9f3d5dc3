import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../observability/types.js';
import { LmdbEnvironment } from './lmdb-environment.js';
import { lmdbRaw } from './lmdb-raw.js';
import { checkProcessName, parseStorageUrl } from './open.js';
import type { RawCollection, RawRecord, RawStorage } from './raw.js';
import { StorageError } from './storage.js';

interface CopyReport {
  readonly process: string;
  readonly collection: string;
  readonly records: number;
  /** SHA-256 over all records in their order, the same in source and target. */
  readonly checksum: string;
}

/** So many records are written at once. */
const BATCH = 500;

/**
 * Copies every collection of every process, as it is kept, from one store to another, of whichever drivers, and
 * reads both again to compare counts and checksums. The processes must be stopped: a source in lmdb that is in use
 * is refused (`locked`). A collection that has records in the target already is refused too (`conflict`).
 */
export async function copyStore(from: string, to: string, options: { log: Logger }): Promise<CopyReport[]> {
  const processes = await storedProcesses(from, options.log);
  if (processes.length === 0) throw new StorageError('unavailable', 'there is nothing to copy');
  const reports: CopyReport[] = [];
  for (const process of processes) {
    const source = await openRawStorage(from, { process, log: options.log });
    try {
      const target = await openRawStorage(to, { process, log: options.log });
      try {
        for (const collection of await source.collections()) {
          reports.push({
            process,
            collection: collection.name,
            ...(await copyCollection(source, target, collection)),
          });
        }
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  }
  return reports;
}

async function copyCollection(
  source: RawStorage,
  target: RawStorage,
  collection: RawCollection,
): Promise<{ records: number; checksum: string }> {
  for await (const _ of target.read(collection)) {
    throw new StorageError('conflict', `${collection.name} has records in the target already`);
  }
  const sum = new Checksum();
  let batch: RawRecord[] = [];
  for await (const record of source.read(collection)) {
    sum.add(record);
    if (batch.push(record) < BATCH) continue;
    await target.add(collection, batch);
    batch = [];
  }
  if (batch.length > 0) await target.add(collection, batch);
  const expected = sum.result();
  const written = new Checksum();
  for await (const record of target.read(collection)) written.add(record);
  const found = written.result();
  if (found.records !== expected.records || found.checksum !== expected.checksum) {
    throw new StorageError(
      'corrupt',
      `${collection.name}: ${found.records} of ${expected.records} records arrived, or not as they were`,
    );
  }
  return found;
}

class Checksum {
  readonly #hash = createHash('sha256');
  #records = 0;

  add(record: RawRecord): void {
    this.#records += 1;
    const { kind, owner } = record;
    const rest =
      record.kind === 'head'
        ? [record.last]
        : [record.kind === 'entry' ? record.id : record.version, record.schemaVersion, record.text];
    this.#hash.update(`${JSON.stringify([kind, owner, ...rest])}\n`);
  }

  result(): { records: number; checksum: string } {
    return { records: this.#records, checksum: this.#hash.copy().digest('hex') };
  }
}

/** The processes that have something in this store. */
export async function storedProcesses(url: string, log: Logger): Promise<string[]> {
  const location = parseStorageUrl(url);
  if (location.driver === 'lmdb') {
    if (!existsSync(location.folder)) return [];
    return readdirSync(location.folder)
      .filter((name) => existsSync(join(location.folder, name, 'data.mdb')))
      .sort();
  }
  const { MongoConnection } = await import('./mongodb-connection.js');
  const { mongoProcesses } = await import('./mongodb-raw.js');
  const connection = new MongoConnection({ url: location.url, process: 'copy', log });
  try {
    await connection.waitUntilReady();
    return await mongoProcesses(connection);
  } finally {
    await connection.close();
  }
}

/** Opens one process's store for raw access. */
export async function openRawStorage(
  url: string,
  options: { process: string; log: Logger; readOnly?: boolean },
): Promise<RawStorage> {
  const location = parseStorageUrl(url);
  checkProcessName(options.process);
  if (location.driver === 'lmdb') {
    const folder = join(location.folder, options.process);
    return lmdbRaw(new LmdbEnvironment(folder, { readOnly: options.readOnly === true }));
  }
  const { MongoConnection } = await import('./mongodb-connection.js');
  const { mongoRaw } = await import('./mongodb-raw.js');
  const connection = new MongoConnection({ url: location.url, process: options.process, log: options.log });
  try {
    await connection.waitUntilReady();
  } catch (error) {
    await connection.close();
    throw error;
  }
  return mongoRaw(connection);
}
