import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoomRegistry } from '../../../components/muc/rooms/registry.js';
import { StorageError } from '../../../shared/storage/storage.js';
import { jid } from '../../../shared/xmpp/jid.js';

const registry = (exists: () => boolean | 'async') =>
  new RoomRegistry({
    exists,
    load: async () => {
      throw new StorageError('invalid-document', 'damaged');
    },
    jidOf: (local) => jid(`${local}@chat.example`),
  });

test('who asks for a room whose document cannot be read is told, whenever that shows', async () => {
  const damaged = () => {
    throw new StorageError('corrupt', 'damaged');
  };
  for (const exists of [damaged, () => 'async' as const, () => true]) {
    await assert.rejects(registry(exists).find('coven'), /damaged/);
  }
  assert.equal(await registry(() => false).find('coven'), null);
});
