import { StorageError } from './storage.js';

/**
 * What a driver keeps, as it is kept, without schemas: for copying between stores. Internal to `shared/storage`
 * and the commands on top of it; a process uses the typed collections.
 */
export interface RawStorage {
  /** The collections that this store has now, in ascending order of names. */
  collections(): Promise<RawCollection[]>;
  /**
   * Every record of a collection, in the same order in every driver: documents by owner; an archive's entries by
   * owner and id, then its heads by owner.
   */
  read(collection: RawCollection): AsyncIterable<RawRecord>;
  /** Adds records that are not there yet, as they are; resolves when they are durable. */
  add(collection: RawCollection, records: readonly RawRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface RawCollection {
  readonly kind: 'keyval' | 'archive';
  readonly name: string;
}

export type RawRecord = RawDocument | RawEntry | RawHead;

/** A document of a keyval collection; `text` is the JSON text of its value. */
interface RawDocument {
  readonly kind: 'document';
  readonly owner: string;
  readonly schemaVersion: number;
  readonly version: number;
  readonly text: string;
}

/** An entry of an archive. */
interface RawEntry {
  readonly kind: 'entry';
  readonly owner: string;
  readonly id: number;
  readonly schemaVersion: number;
  readonly text: string;
}

/** The last id that an owner's archive has given out. */
interface RawHead {
  readonly kind: 'head';
  readonly owner: string;
  readonly last: number;
}

/** The error for a record of one kind in a collection of another. */
export function misplaced(collection: RawCollection, record: RawRecord): StorageError {
  return new StorageError(
    'unsupported',
    `${collection.name}: a ${record.kind} does not belong into a ${collection.kind}`,
  );
}
