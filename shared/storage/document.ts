import { type CollectionDefinition, StorageError } from './storage.js';

// How documents are kept, in both drivers: the JSON text of the value beside two numbers, the version of its form
// (`schemaVersion`) and the version of the document (`version`, for compare-and-set).
//
// JSON text, and not msgpack or BSON, because an operator can read it with any tool of the database; because V8
// encodes and parses it faster than any format written in JavaScript; and because it holds whatever a schema
// allows, alike in both drivers: keys such as JIDs, with their dots, and nested arrays are refused or changed by
// some servers of the MongoDB protocol.

/** Longest owner, in bytes of UTF-8: two bare JIDs (2,047 bytes each, RFC 7622 §3.1) still fit into one key of lmdb. */
const MAX_OWNER_BYTES = 3900;

/** The JSON text of a value; throws `invalid-document` for what JSON cannot say. */
export function encodeValue<T>(definition: CollectionDefinition<T>, owner: string, value: T): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new StorageError(
      'invalid-document',
      `${definition.name}: ${quote(owner)} cannot be stored as JSON`,
      { cause },
    );
  }
  if (text === undefined) {
    throw new StorageError(
      'invalid-document',
      `${definition.name}: ${quote(owner)} cannot be stored as JSON`,
    );
  }
  return text;
}

/**
 * The typed value of a stored one: refuses a newer form, migrates an older one, validates. This happens on every
 * read and never on a write: what we write is typed already, what we read may come from another release, another
 * instance or an operator's hand. A reader gets an object of its own each time, so nobody can spoil another's copy.
 */
export function decodeValue<T>(
  definition: CollectionDefinition<T>,
  owner: string,
  stored: { schemaVersion: number; value: unknown },
): T {
  let value = stored.value;
  if (stored.schemaVersion > definition.schemaVersion) {
    throw new StorageError(
      'schema-too-new',
      `${definition.name}: ${quote(owner)} has form ${stored.schemaVersion}, this release knows up to ${definition.schemaVersion}`,
    );
  }
  if (stored.schemaVersion < definition.schemaVersion) {
    if (definition.migrate === undefined) {
      throw new StorageError(
        'invalid-document',
        `${definition.name}: ${quote(owner)} has form ${stored.schemaVersion}, and nothing brings it to ${definition.schemaVersion}`,
      );
    }
    try {
      value = definition.migrate(value, stored.schemaVersion);
    } catch (cause) {
      throw new StorageError(
        'invalid-document',
        `${definition.name}: ${quote(owner)} cannot be migrated from form ${stored.schemaVersion}`,
        { cause },
      );
    }
  }
  const result = definition.schema.safeParse(value);
  if (!result.success) {
    // Paths and rules only: the values may be private, and this text goes to the log.
    const problems = result.error.issues
      .slice(0, 3)
      .map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.code}`);
    throw new StorageError(
      'invalid-document',
      `${definition.name}: ${quote(owner)} does not fit its schema (${problems.join('; ')})`,
    );
  }
  return result.data;
}

/** Parses stored JSON text; `corrupt` if it is none. */
export function parseText(collection: string, owner: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new StorageError('corrupt', `${collection}: ${quote(owner)} is not JSON`, { cause });
  }
}

/** Refuses names of collections that some driver could not keep apart. */
export function checkCollection(name: string): void {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,99}$/.test(name)) {
    throw new StorageError('unsupported', `"${name}" is no name for a collection`);
  }
}

/** Refuses owners that some driver could not keep. */
export function checkOwner(collection: string, owner: string): void {
  if (owner === '') throw new StorageError('invalid-document', `${collection}: the owner is empty`);
  // A UTF-16 code unit takes at most three bytes, so that short owners, nearly all, need no counting.
  if (owner.length * 3 > MAX_OWNER_BYTES && Buffer.byteLength(owner) > MAX_OWNER_BYTES) {
    throw new StorageError(
      'invalid-document',
      `${collection}: the owner is longer than ${MAX_OWNER_BYTES} bytes`,
    );
  }
  if (/\p{Surrogate}/u.test(owner)) {
    throw new StorageError('invalid-document', `${collection}: the owner has an unpaired surrogate`);
  }
}

/** The error of a failed compare-and-set. */
export function conflict(
  collection: string,
  owner: string,
  expected: number,
  found: number | undefined,
): StorageError {
  const now =
    found === undefined ? 'it has another' : found === 0 ? 'there is none' : `it has version ${found}`;
  return new StorageError(
    'conflict',
    `${collection}: ${quote(owner)} was expected at version ${expected}, but ${now}`,
  );
}

function quote(owner: string): string {
  return JSON.stringify(owner.length > 200 ? `${owner.slice(0, 200)}…` : owner);
}
