import type { RootDatabaseOptionsWithPath } from 'lmdb';

/** A key is an owner, or an owner and the id of an entry: lmdb's ordered encoding sorts both as we need it. */
export type LmdbKey = string | [string, number];

/** Sub-databases: two for each archive, one for each keyval collection, far below this. */
const MAX_DATABASES = 256;
/** Pages of 8 KiB allow keys of 4,026 bytes; with the usual 4 KiB a long JID would not fit. */
const PAGE_SIZE = 8192;

/** How an environment is opened, by all who open it. */
export function environmentOptions(folder: string, readOnly = false): RootDatabaseOptionsWithPath {
  return {
    path: folder,
    noSubdir: false,
    maxDbs: MAX_DATABASES,
    pageSize: PAGE_SIZE,
    readOnly,
    encoding: 'binary',
    // A commit waits for the disk, as in plain LMDB.
    overlappingSync: false,
  };
}
