import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { copyStore, openRawStorage, storedProcesses } from '../../../shared/storage/copy.js';
import { LmdbStorage } from '../../../shared/storage/lmdb.js';
import { notes, rejectsWith } from './conformance.js';
import { checkCopy, fillStores } from './copy-sample.js';
import { silentLog } from './silent-log.js';

const scratch = mkdtempSync(join(tmpdir(), 'entourage-copy-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
let unique = 0;
const newUrl = (): string => `lmdb:${join(scratch, String(++unique))}`;
const options = { log: silentLog };

test('copying a store takes all of every process, versions and counters too', async () => {
  const [from, to] = [newUrl(), newUrl()];
  await fillStores(from, silentLog);
  const reports = await copyStore(from, to, options);
  assert.deepEqual(
    reports.map(({ process, collection, records }) => [process, collection, records]),
    [
      ['core', 'log', 4],
      ['core', 'notes', 1203],
      ['muc', 'notes', 1],
    ],
  );
  await checkCopy(to, silentLog);
  assert.deepEqual(await storedProcesses(to, silentLog), ['core', 'muc']);
});

test('a store in use is not copied, nor into one that has records already', async () => {
  const [from, to] = [newUrl(), newUrl()];
  await fillStores(from, silentLog);
  const user = new LmdbStorage({ folder: from.slice('lmdb:'.length), process: 'muc' });
  await rejectsWith(copyStore(from, newUrl(), options), 'locked');
  await user.close();
  const other = new LmdbStorage({ folder: to.slice('lmdb:'.length), process: 'core' });
  await other.keyval(notes).put('somebody', { text: 'x' });
  await other.close();
  await rejectsWith(copyStore(from, to, options), 'conflict');
  await rejectsWith(copyStore(newUrl(), to, options), 'unavailable');
});

test('records of one kind do not go into a collection of another', async () => {
  const raw = await openRawStorage(newUrl(), { process: 'core', log: silentLog });
  const head = { kind: 'head', owner: 'a', last: 1 } as const;
  await rejectsWith(raw.add({ kind: 'keyval', name: 'x' }, [head]), 'unsupported');
  await raw.add({ kind: 'archive', name: 'y' }, [head]);
  assert.deepEqual(await raw.collections(), [
    { kind: 'keyval', name: 'x' },
    { kind: 'archive', name: 'y' },
  ]);
  await raw.close();
});
