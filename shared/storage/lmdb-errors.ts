import { statfsSync } from 'node:fs';
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

const EIO = 5;
/** With less than this left, in bytes, a disk counts as full. */
const FULL_BELOW = 1024 * 1024;

/**
 * The StorageError for whatever lmdb or the file system threw; `what` says what was tried, for the operator.
 * LMDB reports a write that only a part of found room as an input/output error: `folder` is where to look for room.
 */
export function lmdbFailure(error: unknown, what: string, folder?: string): StorageError {
  if (error instanceof StorageError) return error;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' ? message : String(error);
  let mapped: StorageErrorCode = 'unavailable';
  if (code === EIO && folder !== undefined && isFull(folder)) mapped = 'full';
  else if (typeof code === 'number') mapped = errnoCodes[code] ?? 'unavailable';
  else if (typeof code === 'string') mapped = systemCodes[code] ?? 'unavailable';
  return new StorageError(mapped, `${what}: ${mapped === 'full' ? 'no space left' : text}`, { cause: error });
}

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < FULL_BELOW;
  } catch {
    return false;
  }
}
