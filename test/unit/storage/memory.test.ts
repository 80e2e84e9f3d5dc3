import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StorageError } from '../../../shared/storage/storage.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';
import { describeStorage, notes, rejectsWith } from './conformance.js';

describeStorage('memory', async () => createMemoryStorage());
describeStorage('memory, as if remote', async () => createMemoryStorage({ synchronous: false }));

test('memory storage fails on demand', async () => {
  const storage = createMemoryStorage();
  const collection = storage.keyval(notes);
  storage.failWith(new StorageError('full', 'no space'));
  await rejectsWith(collection.put('alice', { text: 'x' }), 'full');
  await rejectsWith(storage.ping(), 'full');
  storage.failWith();
  assert.equal(await collection.put('alice', { text: 'x' }), 1);
});
