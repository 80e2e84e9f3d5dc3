/**
 * What a driver keeps, as it is kept, without schemas: for copying between stores. Internal to `shared/storage`
 * and the commands on top of it; a process uses the typed collections.
 */
export interface RawStorage {
  /** The collections that this store has now, in ascending order of names. */
  collections(): Promise<RawCollection[]>;
  /** Every record of a collection; an archive's entries in their order. */
  read(collection: RawCollection): AsyncIterable<RawRecord>;
  /** Writes records as they are, over whatever is there; resolves when they are durable. */
  write(collection: RawCollection, records: readonly RawRecord[]): Promise<void>;
}

export interface RawCollection {
  readonly kind: 'keyval' | 'archive';
  readonly name: string;
}

export type RawRecord = RawDocument | RawEntry | RawHead;

/** A document of a keyval collection; `text` is the JSON text of its value. */
export interface RawDocument {
  readonly kind: 'document';
  readonly owner: string;
  readonly schemaVersion: number;
  readonly version: number;
  readonly text: string;
}

/** An entry of an archive. */
export interface RawEntry {
  readonly kind: 'entry';
  readonly owner: string;
  readonly id: number;
  readonly schemaVersion: number;
  readonly text: string;
}

/** The last id that an owner's archive has given out. */
export interface RawHead {
  readonly kind: 'head';
  readonly owner: string;
  readonly last: number;
}
