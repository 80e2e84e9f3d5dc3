import type { z } from 'zod';

/** What one process keeps: collections by name, each of one of two shapes. Drivers: lmdb, mongodb. */
export interface Storage {
  /** One document per owner, written atomically. */
  keyval<T>(collection: CollectionDefinition<T>): KeyValueCollection<T>;
  /** Ordered entries per owner. */
  archive<T>(collection: CollectionDefinition<T>): ArchiveCollection<T>;
  /** Resolves when reads and writes work now; rejects with a StorageError otherwise. */
  ping(): Promise<void>;
  /** A consistent copy of everything into `folder` while the store stays in use (lmdb only). */
  backup(folder: string): Promise<void>;
  /** Finishes what was accepted, then closes. */
  close(): Promise<void>;
}

/** A collection is declared once; documents are validated by `schema` whenever they are read. */
export interface CollectionDefinition<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** Version of the document's form, stored beside it. A newer one in the store is refused (`schema-too-new`). */
  readonly schemaVersion: number;
  /** Brings a document of an older form to the current one. */
  readonly migrate?: (document: unknown, fromVersion: number) => unknown;
}

/** A document and its compare-and-set version, which grows by one with each write. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: number;
}

/** `expect: 0` means "must not exist yet"; absent means "whatever is there". */
export interface WriteOptions {
  readonly expect?: number;
}

export interface KeyValueCollection<T> {
  get(owner: string): Promise<Versioned<T> | undefined>;
  /**
   * The same as {@link get} where the driver can answer at once (lmdb), else `'async'`.
   * The hot path uses it to stay synchronous.
   */
  getSync(owner: string): Versioned<T> | undefined | 'async';
  /** Resolves with the new version when the write is durable; rejects with `conflict` when `expect` fails. */
  put(owner: string, value: T, options?: WriteOptions): Promise<number>;
  /** Resolves with whether there was a document, when the removal is durable. */
  delete(owner: string, options?: WriteOptions): Promise<boolean>;
  /** Owners in ascending order of code points (of their UTF-8 bytes), optionally only those that begin with `prefix`. */
  owners(prefix?: string): AsyncIterable<string>;
  count(): Promise<number>;
}

export interface ArchiveEntry<T> {
  /** Grows with every append to this owner's archive and is never used again; a decimal sequence. */
  readonly id: number;
  readonly value: T;
}

export interface ArchivePage {
  readonly after?: number;
  readonly before?: number;
  readonly limit?: number;
  /** Newest first. */
  readonly backwards?: boolean;
}

export interface ArchiveCollection<T> {
  /** Resolves with the entry's id when it is durable. Appends of one owner keep their call order. */
  append(owner: string, value: T): Promise<number>;
  /**
   * Those that can be read: one that is damaged is logged (`storage.entry-unreadable`) and left out, and fewer than `limit`
   * still means that there are no more. Rejects with `schema-too-new` where an entry is of a newer release.
   */
  page(owner: string, page?: ArchivePage): Promise<ArchiveEntry<T>[]>;
  /** Removes those entries; resolves when durable. */
  remove(owner: string, ids: readonly number[]): Promise<void>;
  /** Keeps only the newest `keep` entries; resolves with how many were removed. */
  trim(owner: string, keep: number): Promise<number>;
  clear(owner: string): Promise<void>;
  count(owner: string): Promise<number>;
  owners(prefix?: string): AsyncIterable<string>;
}

export type StorageErrorCode =
  | 'conflict'
  | 'unavailable'
  | 'full'
  | 'read-only'
  | 'corrupt'
  | 'invalid-document'
  | 'schema-too-new'
  | 'locked'
  | 'unsupported';

/** Every failure of a driver, with a stable code that logs and callers use. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StorageError';
    this.code = code;
  }
}
