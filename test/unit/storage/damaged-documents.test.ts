import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { openStorage } from '../../../shared/storage/open.js';
import { StorageError } from '../../../shared/storage/storage.js';
import { contentText, elementText, isStanzaInParts, jidText } from '../../../shared/storage/stored-text.js';
import { documentsOf, isBadDocument } from '../../../shared/storage/walk.js';
import { createMemoryStorage } from '../../tools/memory-storage.js';
import { recordingLogger } from '../../tools/silent-logger.js';

test('one document that cannot be read is told, and the others are read', async () => {
  const storage = createMemoryStorage();
  const loose = storage.keyval({ name: 'c', schema: z.unknown(), schemaVersion: 1 });
  await loose.put('a', { n: 1 });
  await loose.put('b', { n: 'one' });
  await loose.put('c', { n: 3 });
  const strict = storage.keyval({ name: 'c', schema: z.object({ n: z.number() }), schemaVersion: 1 });
  const bad: string[] = [];
  const good: string[] = [];
  for await (const [owner, { value }] of documentsOf(strict, (one) => bad.push(one)))
    good.push(`${owner}${value.n}`);
  assert.deepEqual([good, bad], [['a1', 'c3'], ['b']]);
});

test('an entry of an archive that cannot be read is left out, and the operator told once, not what is in it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-damaged-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = recordingLogger();
  const storage = await openStorage(`lmdb:${folder}`, { process: 'core', log });
  t.after(() => storage.close());
  const loose = storage.archive({ name: 'c', schema: z.unknown(), schemaVersion: 1 });
  for (const n of [1, 'secret', 3]) await loose.append('a', { n });
  const strict = storage.archive({ name: 'c', schema: z.object({ n: z.number() }), schemaVersion: 1 });
  for (let times = 0; times < 2; times++)
    assert.deepEqual(
      (await strict.page('a', { limit: 2 })).map((entry) => entry.value.n),
      [1, 3],
    );
  const lines = log.lines.filter((line) => line.code === 'storage.entry-unreadable');
  assert.equal(lines.length, 1, JSON.stringify(log.lines));
  assert.match(JSON.stringify(lines), /a#2/);
  assert.doesNotMatch(JSON.stringify(lines), /secret/);
});

test('a failure of the store is none of one document', async () => {
  assert.equal(isBadDocument(new StorageError('corrupt', 'x')), true);
  assert.equal(isBadDocument(new StorageError('unavailable', 'x')), false);
  assert.equal(isBadDocument(new TypeError('x')), false);
  const storage = createMemoryStorage();
  const strict = storage.keyval({ name: 'c', schema: z.unknown(), schemaVersion: 1 });
  await strict.put('a', 1);
  storage.failWith(new StorageError('unavailable', 'away'));
  await assert.rejects(async () => {
    for await (const _ of documentsOf(strict, () => assert.fail('it is not the document')))
      assert.fail('nothing can be read');
  }, /away/);
});

test('text that goes to streams as it is stored is one element, or what may stand in one', () => {
  const fits = (schema: z.ZodType, text: string) => schema.safeParse(text).success;
  for (const text of ["<message to='a'/>", '<a><b/>x</a>']) assert.ok(fits(elementText, text), text);
  for (const text of [
    '',
    'x',
    '<a>',
    '<a/><b/>',
    '<a/>x',
    "<a b='<'/>",
    '<p:a/>',
    '<!--x--><a/>',
    '<a>\u0000</a>',
  ])
    assert.ok(!fits(elementText, text), text);
  for (const text of ['', 'x &amp; y', '<a/><b/>']) assert.ok(fits(contentText, text), text);
  for (const text of ['<a>', '</x>', 'x</x><x>', '&b;', '<p:a/>']) assert.ok(!fits(contentText, text), text);
  assert.ok(isStanzaInParts({ head: "<message from='r' to='", tail: "'/>" }));
  assert.ok(!isStanzaInParts({ head: "<message from='r' to='", tail: "'>" }));
  assert.ok(fits(jidText, 'a@example.org/r'));
  for (const text of ['', 'A@example.org', 'a@', 'a b@example.org']) assert.ok(!fits(jidText, text), text);
});
