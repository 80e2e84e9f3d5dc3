import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';
import { StorageError, type StorageErrorCode } from './storage.js';

const DUPLICATE_KEY = 11000;

/** Server errors after which the same command may succeed elsewhere or later (elections, restarts, lost links). */
const RETRIABLE_CODES = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  89, // NetworkTimeout
  91, // ShutdownInProgress
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  262, // ExceededTimeLimit
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
]);

/** Errors of the driver itself that mean no more than that there is no usable connection now. */
const RETRIABLE_NAMES = new Set([
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'MongoWaitQueueTimeoutError',
  'MongoWriteConcernError',
]);

const SERVER_CODES: Readonly<Record<number, StorageErrorCode>> = {
  14031: 'full', // OutOfDiskSpace
  10334: 'invalid-document', // BSONObjectTooLarge
  17419: 'invalid-document', // the result of an update is too large
  17280: 'invalid-document', // KeyTooLong
};

/** Whether a command may be sent again; it can have been carried out all the same. */
export function isRetriable(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false;
  if (isAuthenticationFailure(error)) return false;
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (RETRIABLE_NAMES.has(error.name) || error.hasErrorLabel('RetryableWriteError')) return true;
  if (error instanceof MongoBulkWriteError) return retriableBulk(error);
  return error instanceof MongoServerError && RETRIABLE_CODES.has(Number(error.code));
}

/**
 * A bulk that failed as a whole, or whose durability the servers did not confirm. The driver wraps whatever ended
 * a bulk, a lost connection too, into this error and keeps only its message.
 */
function retriableBulk(error: MongoBulkWriteError): boolean {
  if (error.result.getWriteConcernError() !== undefined) return true;
  if (bulkFailures(error).length > 0) return false;
  return typeof error.code !== 'number' || RETRIABLE_CODES.has(error.code);
}

export interface BulkFailure {
  readonly index: number;
  readonly code: number;
  readonly message: string;
}

/** The operations of an unordered bulk that failed, each by its index. */
export function bulkFailures(error: MongoBulkWriteError): BulkFailure[] {
  const failures = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  return failures.map((failure) => ({
    index: failure.index,
    code: failure.code,
    message: failure.errmsg ?? 'write failed',
  }));
}

/** Whether a write failed since such a document is there already. */
export function isDuplicateKey(error: unknown): boolean {
  if (error instanceof MongoServerError) return Number(error.code) === DUPLICATE_KEY;
  return (error as { code?: unknown } | null)?.code === DUPLICATE_KEY;
}

/** Wrong credentials or rights do not mend themselves: waiting for them would only hide the fault. */
function isAuthenticationFailure(error: unknown): boolean {
  return error instanceof MongoServerError && (error.code === 18 || error.code === 13 || error.code === 8000);
}

/** The StorageError for whatever the driver threw; `what` says what was tried. */
export function mongoFailure(error: unknown, what: string): StorageError {
  if (error instanceof StorageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  let mapped: StorageErrorCode = 'unavailable';
  if (typeof code === 'number') mapped = SERVER_CODES[code] ?? mapped;
  // The driver refuses documents above the server's limit (16 MiB) itself.
  if (/larger than|too large|BSONObj size/i.test(message)) mapped = 'invalid-document';
  return new StorageError(mapped, `${what}: ${message}`, { cause: error });
}
