import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStorage, parseStorageUrl } from '../../../shared/storage/open.js';
import { StorageError } from '../../../shared/storage/storage.js';
import { rejectsWith } from './conformance.js';
import { silentLog } from './silent-log.js';

test('a STORAGE_URL names a driver and a place', () => {
  assert.deepEqual(parseStorageUrl('lmdb:./data'), { driver: 'lmdb', folder: './data' });
  assert.deepEqual(parseStorageUrl('lmdb:/var/lib/x'), { driver: 'lmdb', folder: '/var/lib/x' });
  assert.deepEqual(parseStorageUrl('lmdb:///var/lib/x'), { driver: 'lmdb', folder: '/var/lib/x' });
  for (const url of ['mongodb://u:p@a,b/x?replicaSet=r', 'mongodb+srv://host/x']) {
    assert.deepEqual(parseStorageUrl(url), { driver: 'mongodb', url });
  }
});

test('anything else is refused with what would be right, and without its secrets', () => {
  for (const url of ['', './data', 'redis://user:hunter2@host', 'lmdb:', 'lmdb://host/x', 'memory:']) {
    assert.throws(
      () => parseStorageUrl(url),
      (error) =>
        error instanceof StorageError &&
        error.code === 'unsupported' &&
        error.message.includes('lmdb:') &&
        !error.message.includes('hunter2'),
      url,
    );
  }
});

test('a malformed mongodb URL is refused without showing its password', async () => {
  const url = 'mongodb://user:hunter2@host:notaport/x';
  const error = await rejectsWith(openStorage(url, { process: 'core', log: silentLog }), 'unsupported');
  assert.doesNotMatch(error.message, /hunter2/);
});

test('a process name that would leave its folder is refused', async () => {
  for (const process of ['', '../core', 'a_b', 'Core']) {
    await rejectsWith(openStorage('lmdb:./data', { process, log: silentLog }), 'unsupported');
  }
});
