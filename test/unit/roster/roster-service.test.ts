import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RosterService } from '../../../core-server/roster/roster-service.js';
import { createHooks } from '../../../core-server/routing/hooks.js';
import { AccountState } from '../../../core-server/sessions/account-state.js';
import { type KeyValueCollection, type Storage, StorageError } from '../../../shared/storage/storage.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const item = (contact: string) => ({
  jid: jid(contact).bare,
  groups: [],
  subscription: 'none' as const,
  ask: false,
  approved: false,
});

/** A store whose writes wait for the test, and fail where it says so. */
function heldStorage(): { storage: Storage; fail(): void } {
  const memory = createMemoryStorage({ synchronous: false });
  let fail = () => {};
  const failing = new Promise<void>((resolve) => {
    fail = resolve;
  });
  let writes = 0;
  const storage: Storage = {
    ...memory,
    keyval<T>(definition: Parameters<Storage['keyval']>[0]): KeyValueCollection<T> {
      const collection = memory.keyval(definition) as KeyValueCollection<T>;
      return {
        ...collection,
        async put(owner, value, options) {
          writes++;
          if (writes === 1) return collection.put(owner, value, options);
          await failing;
          throw new StorageError('full', 'no space');
        },
      };
    },
  };
  return { storage, fail: () => fail() };
}

test('a write that fails is undone wherever the roster is held, also where the account was loaded again meanwhile', async () => {
  const { storage, fail } = heldStorage();
  const rosters = new RosterService(storage, createHooks(), recordingLogger());
  const before = new AccountState(jid('juliet@capulet.lit'), true);
  await rosters.load(before);
  await rosters.put(before, item('romeo@montague.lit'));
  const told = before.roster.version;
  const written = assert.rejects(rosters.put(before, item('paris@capulet.lit')));
  // the directory has forgotten the account, and it is used again
  const after = new AccountState(jid('juliet@capulet.lit'), true);
  await rosters.load(after);
  assert.equal(after.roster.items.size, 2);
  fail();
  await written;
  for (const { roster } of [before, after]) {
    assert.deepEqual([...roster.items.keys()], ['romeo@montague.lit']);
    assert.ok(roster.version > told + 1, 'a version that clients have been told means nothing else');
  }
});
