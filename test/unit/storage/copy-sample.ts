import assert from 'node:assert/strict';
import type { Logger } from '../../../shared/observability/types.js';
import { openStorage } from '../../../shared/storage/open.js';
import { log, notes } from './conformance.js';

const ODD = 'a\u0000\ud800.$ é';

/** Something of everything that a copy must take along, in the stores of two processes. */
export async function fillStores(url: string, logger: Logger): Promise<void> {
  const core = await openStorage(url, { process: 'core', log: logger });
  const documents = core.keyval(notes);
  await Promise.all(
    Array.from({ length: 1200 }, (_, index) => documents.put(`u${index}`, { text: String(index) })),
  );
  for (const text of ['1', '2', ODD]) await documents.put('thrice', { text, tags: { 'b@c.d': [[1]] } });
  await documents.put('é@example.com', { text: 'é' });
  await documents.put('\u{1f600}', { text: 'x' });
  const archive = core.archive(log);
  for (const text of 'abc') await archive.append('room', { text });
  await archive.remove('room', [3]);
  await archive.append('gone', { text: 'x' });
  await archive.clear('gone');
  await core.close();
  const muc = await openStorage(url, { process: 'muc', log: logger });
  await muc.keyval(notes).put('room', { text: 'muc' });
  await muc.close();
}

/** Checks that a copy has all that {@link fillStores} wrote, and goes on where it ended. */
export async function checkCopy(url: string, logger: Logger): Promise<void> {
  const core = await openStorage(url, { process: 'core', log: logger });
  const documents = core.keyval(notes);
  assert.equal(await documents.count(), 1203);
  assert.deepEqual(await documents.get('thrice'), {
    value: { text: ODD, tags: { 'b@c.d': [[1]] } },
    version: 3,
  });
  assert.equal(await documents.put('thrice', { text: 'x' }, { expect: 3 }), 4);
  const archive = core.archive(log);
  assert.deepEqual(
    (await archive.page('room')).map(({ id, value }) => [id, value.text]),
    [
      [1, 'a'],
      [2, 'b'],
    ],
  );
  assert.equal(await archive.append('room', { text: 'd' }), 4);
  assert.equal(await archive.append('gone', { text: 'y' }), 2);
  await core.close();
  const muc = await openStorage(url, { process: 'muc', log: logger });
  assert.equal((await muc.keyval(notes).get('room'))?.value.text, 'muc');
  await muc.close();
}
