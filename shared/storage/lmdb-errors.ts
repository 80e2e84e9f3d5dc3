import { StorageError, type StorageErrorCode } from './storage.js';

// Return codes of LMDB (lmdb.h, "Return Codes"); others are the system's errno.
const MDB_PAGE_NOTFOUND = -30797;
const MDB_CORRUPTED = -30796;
const MDB_PANIC = -30795;
const MDB_VERSION_MISMATCH = -30794;
const MDB_INVALID = -30793;
const MDB_MAP_FULL = -30792;

const errnoCodes: Readonly<Record<number, StorageErrorCode>> = {
  1: 'read-only', // EPERM
  13: 'read-only', // EACCES
  30: 'read-only', // EROFS
  27: 'full', // EFBIG: a limit on file sizes
  28: 'full', // ENOSPC
  122: 'full', // EDQUOT
  [MDB_MAP_FULL]: 'full',
  [MDB_PAGE_NOTFOUND]: 'corrupt',
  [MDB_CORRUPTED]: 'corrupt',
  [MDB_PANIC]: 'corrupt',
  [MDB_VERSION_MISMATCH]: 'corrupt',
  [MDB_INVALID]: 'corrupt',
};

const systemCodes: Readonly<Record<string, StorageErrorCode>> = {
  EPERM: 'read-only',
  EACCES: 'read-only',
  EROFS: 'read-only',
  EFBIG: 'full',
  ENOSPC: 'full',
  EDQUOT: 'full',
};

/** The StorageError for whatever lmdb or the file system threw; `what` says what was tried, for the operator. */
export function lmdbFailure(error: unknown, what: string): StorageError {
  if (error instanceof StorageError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  let mapped: StorageErrorCode = 'unavailable';
  if (typeof code === 'number') mapped = errnoCodes[code] ?? 'unavailable';
  else if (typeof code === 'string') mapped = systemCodes[code] ?? 'unavailable';
  else if (message.includes('Key size is larger')) mapped = 'invalid-document';
  return new StorageError(mapped, `${what}: ${message}`, { cause: error });
}

/**
 * A failed commit rejects every write of its transaction with a plain error whose `commitError` is a promise that
 * rejects with the cause. That promise is not certain to settle, so the wait for it is bounded.
 */
export async function commitFailure(error: unknown, what: string): Promise<StorageError> {
  const cause = (error as { commitError?: unknown } | null)?.commitError;
  if (!(cause instanceof Promise)) return lmdbFailure(error, what);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<unknown>((resolve) => {
    timer = setTimeout(() => resolve(error), 1000);
  });
  const found = await Promise.race([cause.catch((reason: unknown) => reason), timeout]);
  clearTimeout(timer);
  return lmdbFailure(found, what);
}
