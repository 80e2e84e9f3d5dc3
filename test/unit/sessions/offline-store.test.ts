import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OFFLINE_MESSAGES } from '../../../core-server/messages/offline/offline-document.js';
import { OfflineStore } from '../../../core-server/messages/offline/offline-store.js';
import { AccountState } from '../../../core-server/sessions/account-state.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';

test('XEP-0160 §3: who comes while a message is on its way into the store is given that, too', async () => {
  const archive = createMemoryStorage().archive(OFFLINE_MESSAGES);
  const { page } = archive;
  // a database at some distance: what is stored already has to be counted before the first message is added
  archive.page = async (...given) => {
    const found = await page(...given);
    await new Promise((done) => setTimeout(done, 5));
    return found;
  };
  const store = new OfflineStore(archive, 10, 10_000);
  const juliet = new AccountState(jid('juliet@localhost'), true);
  const storing = store.append(juliet, '<message/>');
  const found = await store.page(juliet, 0);
  assert.equal(found.length, 1);
  assert.equal((await storing).id, found[0]?.id);
});
