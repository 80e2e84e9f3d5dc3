import type { Logger } from '../observability/types.js';
import { decodeValue, parseText } from './document.js';
import {
  type ArchiveEntry,
  type ArchivePage,
  type CollectionDefinition,
  StorageError,
  type StorageErrorCode,
} from './storage.js';

/** An entry as it is kept. */
export interface StoredEntry {
  readonly id: number;
  readonly schemaVersion: number;
  /** The JSON text of the value. */
  readonly text: string;
}

/** Told of each entry that is left out because it cannot be read. */
export type Unreadable = (error: StorageError) => void;

/** Not `schema-too-new`: that says that this release is too old, and perhaps for all entries. */
const DAMAGED: ReadonlySet<StorageErrorCode> = new Set(['corrupt', 'invalid-document']);

/**
 * A page as the drivers answer it, read by `fetch`, which keeps to the bounds, the limit and the direction that it is given. An
 * entry that is damaged costs itself only: the page is filled up with those behind it, so that a short one is the last.
 */
export async function readableEntries<T>(
  definition: CollectionDefinition<T>,
  owner: string,
  page: ArchivePage,
  fetch: (page: ArchivePage) => Iterable<StoredEntry> | Promise<Iterable<StoredEntry>>,
  unreadable: Unreadable,
): Promise<ArchiveEntry<T>[]> {
  const result: ArchiveEntry<T>[] = [];
  for (let rest = page; ; ) {
    let found = 0;
    let last = 0;
    for (const { id, schemaVersion, text } of await fetch(rest)) {
      found++;
      last = id;
      const where = `${owner}#${id}`;
      try {
        const value = parseText(definition.name, where, text);
        result.push({ id, value: decodeValue(definition, where, { schemaVersion, value }) });
      } catch (error) {
        if (!(error instanceof StorageError) || !DAMAGED.has(error.code)) throw error;
        unreadable(error);
      }
    }
    if (rest.limit === undefined || found < rest.limit || result.length === page.limit) return result;
    const limit = (page.limit ?? 0) - result.length;
    rest = { ...rest, limit, ...(page.backwards === true ? { before: last } : { after: last }) };
  }
}

/** So many damaged entries are remembered as told of. */
const TOLD = 1000;

/** Tells the operator of each damaged entry once, however often it is met. */
export function tellUnreadable(log: Logger): Unreadable {
  const told = new Set<string>();
  return (error) => {
    if (told.has(error.message) || told.size >= TOLD) return;
    told.add(error.message);
    log.error(
      { code: 'storage.entry-unreadable', storage_code: error.code, reason: error.message },
      'a stored entry cannot be read and is left out',
    );
  };
}
