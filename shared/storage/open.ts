import type { Logger } from '../observability/types.js';
import { LmdbStorage } from './lmdb.js';
import { tellUnreadable } from './readable-entries.js';
import { type Storage, StorageError } from './storage.js';

export interface OpenOptions {
  /** The process whose store this is: `core`, `muc`, … */
  readonly process: string;
  readonly log: Logger;
  /** For looking at a store that its process may have open (lmdb only). */
  readonly readOnly?: boolean;
  /** Told of everything that fails, and of what has to be tried again. */
  readonly failed?: (error: StorageError) => void;
}

/** A STORAGE_URL, understood. */
type StorageLocation =
  | { readonly driver: 'lmdb'; readonly folder: string }
  | { readonly driver: 'mongodb'; readonly url: string };

/** Understands `lmdb:<folder>` and `mongodb://…`; throws `unsupported` for anything else, without showing secrets. */
export function parseStorageUrl(url: string): StorageLocation {
  const colon = url.indexOf(':');
  const scheme = colon < 0 ? '' : url.slice(0, colon);
  if (scheme === 'lmdb') {
    // `lmdb:./data`, `lmdb:/var/lib/entourage` and `lmdb:///var/lib/entourage` are all common ways to write it.
    const folder = url.slice(colon + 1).replace(/^\/\/(?=\/)/, '');
    if (folder === '' || folder.startsWith('//')) {
      throw new StorageError('unsupported', 'STORAGE_URL: lmdb: needs a folder, for example lmdb:./data');
    }
    return { driver: 'lmdb', folder };
  }
  if (scheme === 'mongodb' || scheme === 'mongodb+srv') return { driver: 'mongodb', url };
  throw new StorageError(
    'unsupported',
    `STORAGE_URL: ${scheme === '' ? 'no scheme' : `unknown scheme "${scheme}"`}; use lmdb:<folder> or mongodb://<host>/<database>`,
  );
}

/** Opens a process's store; resolves when it is ready for use, rejects with a StorageError that says why not. */
export async function openStorage(url: string, options: OpenOptions): Promise<Storage> {
  const location = parseStorageUrl(url);
  checkProcessName(options.process);
  if (location.driver === 'lmdb') {
    return new LmdbStorage({
      folder: location.folder,
      process: options.process,
      readOnly: options.readOnly === true,
      unreadable: tellUnreadable(options.log),
      ...(options.failed === undefined ? {} : { failed: options.failed }),
    });
  }
  if (options.readOnly === true) {
    throw new StorageError('unsupported', 'only a store in lmdb can be opened for reading only');
  }
  // Loaded only where it is used: the driver costs memory and start-up time.
  const { MongoStorage } = await import('./mongodb.js');
  return MongoStorage.open({
    url: location.url,
    process: options.process,
    log: options.log,
    ...(options.failed === undefined ? {} : { failed: options.failed }),
  });
}

/** Names of processes become folders, and prefixes that an underscore ends. */
export function checkProcessName(name: string): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new StorageError('unsupported', `"${name}" is no name for a process`);
}
