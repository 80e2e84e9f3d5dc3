import { type KeyValueCollection, StorageError, type StorageErrorCode, type Versioned } from './storage.js';

const ONE_DOCUMENT: ReadonlySet<StorageErrorCode> = new Set([
  'corrupt',
  'invalid-document',
  'schema-too-new',
]);

/** Whether one document cannot be read, and others may: anything else that fails is about the store. */
export function isBadDocument(error: unknown): error is StorageError {
  return error instanceof StorageError && ONE_DOCUMENT.has(error.code);
}

/**
 * Every document of a collection, by owner. One that cannot be read is told to `bad` and left out, so that it costs no
 * more than itself.
 */
export async function* documentsOf<T>(
  collection: KeyValueCollection<T>,
  bad: (owner: string, error: StorageError) => void,
): AsyncGenerator<readonly [owner: string, found: Versioned<T>]> {
  for await (const owner of collection.owners()) {
    try {
      const found = await collection.get(owner);
      if (found !== undefined) yield [owner, found];
    } catch (error) {
      if (!isBadDocument(error)) throw error;
      bad(owner, error);
    }
  }
}
