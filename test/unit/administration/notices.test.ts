import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Notices } from '../../../core-server/administration/notices.js';
import type { Session } from '../../../core-server/sessions/session.js';
import { StorageError } from '../../../shared/storage/storage.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';

/** A session as far as notices know one. */
function session(address: string, heard: string[]): Session {
  const known = {
    jid: jid(address),
    deliver: (stanza: Stanza) => void heard.push(`${address} ${stanza.element.getChildText('body')}`),
  };
  return known as unknown as Session;
}

test('of sessions that come at once one is told, whichever account it is of', async () => {
  const notices = new Notices(createMemoryStorage());
  await notices.set('motd', 'capulet.lit', ['hear ye']);
  const heard: string[] = [];
  await Promise.all(
    ['juliet@capulet.lit/a', 'juliet@capulet.lit/b', 'nurse@capulet.lit/a', 'juliet@capulet.lit/c'].map(
      (address) => notices.tell(session(address, heard)),
    ),
  );
  assert.deepEqual(heard.sort(), ['juliet@capulet.lit/a hear ye', 'nurse@capulet.lit/a hear ye']);
});

test('where a store fails the next session is told', async () => {
  const storage = createMemoryStorage();
  const notices = new Notices(storage);
  await notices.set('motd', 'capulet.lit', ['hear ye']);
  const heard: string[] = [];
  storage.failWith(new StorageError('unavailable', 'away'));
  const first = assert.rejects(notices.tell(session('juliet@capulet.lit/a', heard)));
  const second = assert.rejects(notices.tell(session('juliet@capulet.lit/b', heard)));
  await Promise.all([first, second]);
  storage.failWith();
  await notices.tell(session('juliet@capulet.lit/c', heard));
  assert.deepEqual(heard, ['juliet@capulet.lit/c hear ye']);
});
