import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { LmdbStorage } from '../../../shared/storage/lmdb.js';
import { checkPages } from '../../../shared/storage/lmdb-pages.js';
import { StorageError } from '../../../shared/storage/storage.js';

const PAGE = 8192;
const folder = mkdtempSync(join(tmpdir(), 'entourage-pages-'));
const copy = join(folder, 'copy.mdb');
let bytes = Buffer.alloc(0);

/** What the check says of a file with these bytes. */
function check(content: Buffer, leaves = true): string | null {
  writeFileSync(copy, content);
  const file = openSync(copy, 'r');
  try {
    checkPages(file, copy, { pageSize: PAGE, size: content.length, leaves });
    return null;
  } catch (error) {
    assert.ok(error instanceof StorageError && error.code === 'corrupt', String(error));
    return error.message;
  } finally {
    closeSync(file);
  }
}

before(async () => {
  const storage = new LmdbStorage({ folder, process: 'core' });
  const documents = storage.keyval({ name: 'documents', schema: z.string(), schemaVersion: 1 });
  const entries = storage.archive({ name: 'entries', schema: z.string(), schemaVersion: 1 });
  // branches, leaves, long values, and pages that are free again
  const all = Array.from({ length: 200 }, (_, i) => i);
  await Promise.all(all.map((i) => documents.put(`owner${i}`, 'x'.repeat((i % 40) * 500))));
  await Promise.all(all.map((i) => entries.append(`owner${i % 7}`, 'y'.repeat(i))));
  await Promise.all(all.slice(0, 75).map((i) => documents.put(`owner${i}`, 'z')));
  await storage.close();
  bytes = readFileSync(join(folder, 'core', 'data.mdb'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a store as it should be passes, with and without its leaves', () => {
  assert.equal(check(bytes), null);
  assert.equal(check(bytes, false), null);
});

test('a file that is cut off is refused, and the page is named', () => {
  for (const share of [0.05, 0.2, 0.5, 0.8]) {
    const cut = bytes.subarray(0, Math.floor((bytes.length * share) / PAGE) * PAGE);
    assert.match(check(cut) ?? '', /page \d+ is missing/, `${share}`);
  }
});

test('a page with other content is refused, wherever it is in use', () => {
  let refused = 0;
  const pages = bytes.length / PAGE;
  for (let page = 2; page < pages; page++) {
    const damaged = Buffer.from(bytes);
    for (let at = page * PAGE; at < (page + 1) * PAGE; at += 8)
      damaged.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
    if (check(damaged) !== null) refused++;
  }
  // the rest is free, or in the middle of a long value
  assert.ok(refused > pages / 10 && refused < pages, `${refused} of ${pages}`);
});

test('a page in the place of another is refused', () => {
  const damaged = Buffer.from(bytes);
  const root = Number(
    bytes.readBigUInt64LE((bytes.readBigUInt64LE(152) > bytes.readBigUInt64LE(PAGE + 152) ? 0 : PAGE) + 136),
  );
  bytes.copy(damaged, root * PAGE, (root === 2 ? 3 : 2) * PAGE, (root === 2 ? 4 : 3) * PAGE);
  assert.match(check(damaged) ?? '', new RegExp(`page ${root} is another one or none`));
});
