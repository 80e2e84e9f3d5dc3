import { parentPort, workerData } from 'node:worker_threads';
import { type Database, open } from 'lmdb';
import { environmentOptions, type LmdbKey } from './lmdb-options.js';

/** What goes to the thread: names of sub-databases, keys and texts (null: remove) in turn; `close` ends it. */
export type WriterRequest = readonly (string | LmdbKey | null)[] | 'close';

/** What comes back for each batch: nothing if it is on the disk, else why not. */
export type WriterReply = { readonly code: number | string | undefined; readonly message: string } | null;

// The thread that writes. lmdb's own asynchronous writes do not survive a commit that fails (3.5.6: after a full
// disk a promise of its own is rejected, with nobody to catch it, or the process dies of a segmentation fault);
// its synchronous transactions do, and they wait for the disk: here they hold up nobody.
if (parentPort !== null) {
  const port = parentPort;
  const root = open<Buffer, LmdbKey>(environmentOptions((workerData as { folder: string }).folder));
  const databases = new Map<string, Database<Buffer, LmdbKey>>();

  const database = (name: string): Database<Buffer, LmdbKey> => {
    const known = databases.get(name) ?? root.openDB<Buffer, LmdbKey>({ name, encoding: 'binary' });
    databases.set(name, known);
    return known;
  };

  const commit = (batch: readonly (string | LmdbKey | null)[]): WriterReply => {
    try {
      // Before the transaction: a sub-database opened in one that fails would be gone again.
      for (let at = 0; at < batch.length; at += 3) database(batch[at] as string);
      root.transactionSync(() => {
        for (let at = 0; at < batch.length; at += 3) {
          const target = database(batch[at] as string);
          const key = batch[at + 1] as LmdbKey;
          const text = batch[at + 2] as string | null;
          if (text === null) target.removeSync(key);
          else target.putSync(key, Buffer.from(text));
        }
      });
      return null;
    } catch (error) {
      const { code, message } = error as { code?: number | string; message?: string };
      return { code, message: message ?? String(error) };
    }
  };

  port.on('message', (request: WriterRequest) => {
    if (request === 'close') void root.close().then(() => port.close());
    else port.postMessage(commit(request));
  });
}
