import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import {
  type CollectionDefinition,
  type KeyValueCollection,
  type Storage,
  StorageError,
  type StorageErrorCode,
} from '../../../shared/storage/storage.js';

const noteSchema = z.object({
  text: z.string(),
  tags: z.record(z.string(), z.array(z.array(z.number()))).optional(),
});
type Note = z.infer<typeof noteSchema>;
export const notes: CollectionDefinition<Note> = { name: 'notes', schema: noteSchema, schemaVersion: 1 };
export const log: CollectionDefinition<Note> = { name: 'log', schema: noteSchema, schemaVersion: 1 };

/** What every driver must do. `open` gives a connection to the same empty store each time (memory: the only one). */
export function describeStorage(name: string, open: () => Promise<Storage>): void {
  describe(`storage: ${name}`, () => {
    let storage: Storage;
    let unique = 0;
    const owner = (local = 'user'): string => `${local}-${++unique}@example.com`;
    before(async () => {
      storage = await open();
    });
    after(async () => {
      await storage?.close();
    });

    describeKeyValue(() => storage, owner);
    describeArchive(() => storage, owner);
    describeForms(() => storage, owner);

    test('ping resolves while the store works', async () => {
      await storage.ping();
    });
  });
}

export async function rejectsWith(promise: Promise<unknown>, code: StorageErrorCode): Promise<StorageError> {
  let caught: unknown;
  await promise.catch((error: unknown) => {
    caught = error;
  });
  assert.ok(caught instanceof StorageError, `expected a StorageError, got ${String(caught)}`);
  assert.equal(caught.code, code, caught.message);
  return caught;
}

async function list<T>(items: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = [];
  for await (const item of items) result.push(item);
  return result;
}

function describeKeyValue(storage: () => Storage, owner: () => string): void {
  const collection = (): KeyValueCollection<Note> => storage().keyval(notes);

  test('a document comes back as it was put, and its version grows by one', async () => {
    const alice = owner();
    assert.equal(await collection().get(alice), undefined);
    assert.equal(await collection().put(alice, { text: 'one' }), 1);
    assert.deepEqual(await collection().get(alice), { value: { text: 'one' }, version: 1 });
    assert.equal(await collection().put(alice, { text: 'two' }), 2);
    assert.deepEqual(await collection().get(alice), { value: { text: 'two' }, version: 2 });
  });

  test('keys with dots and dollars, nested arrays, unpaired surrogates and NUL survive', async () => {
    const alice = owner();
    const value: Note = {
      text: 'a\u0000b \ud800 \u{1f600}',
      tags: { 'bob@example.com': [[1, 2], [3.5]], $set: [], '': [[-0.25]] },
    };
    await collection().put(alice, value);
    assert.deepEqual((await collection().get(alice))?.value, value);
  });

  test('what a caller changes after put or get changes nothing in the store', async () => {
    const alice = owner();
    const value = { text: 'kept' };
    const write = collection().put(alice, value);
    value.text = 'spoilt';
    await write;
    const read = await collection().get(alice);
    assert.equal(read?.value.text, 'kept');
    if (read !== undefined) read.value.text = 'spoilt';
    assert.equal((await collection().get(alice))?.value.text, 'kept');
  });

  test('getSync agrees with get, or says that it cannot', async () => {
    const alice = owner();
    await collection().put(alice, { text: 'x' });
    const now = collection().getSync(alice);
    if (now !== 'async') assert.deepEqual(now, await collection().get(alice));
    assert.ok(collection().getSync(owner()) === undefined || collection().getSync(alice) === 'async');
  });

  test('a read sees every write that was called before it, in their order', async () => {
    const alice = owner();
    const writes = ['a', 'b', 'c'].map((text) => collection().put(alice, { text }));
    assert.equal((await collection().get(alice))?.value.text, 'c');
    assert.deepEqual(await Promise.all(writes), [1, 2, 3]);
    const removal = collection().delete(alice);
    const again = collection().put(alice, { text: 'd' });
    assert.equal((await collection().get(alice))?.value.text, 'd');
    assert.equal(await removal, true);
    assert.equal(await again, 1);
  });
  test('expect: 0 creates once, expect: n replaces version n only', async () => {
    const alice = owner();
    await rejectsWith(collection().put(alice, { text: 'x' }, { expect: 1 }), 'conflict');
    assert.equal(await collection().get(alice), undefined, 'a failed expectation must not create');
    assert.equal(await collection().put(alice, { text: 'x' }, { expect: 0 }), 1);
    await rejectsWith(collection().put(alice, { text: 'y' }, { expect: 0 }), 'conflict');
    assert.equal(await collection().put(alice, { text: 'y' }, { expect: 1 }), 2);
    await rejectsWith(collection().put(alice, { text: 'z' }, { expect: 1 }), 'conflict');
    await rejectsWith(collection().delete(alice, { expect: 1 }), 'conflict');
    assert.deepEqual(await collection().get(alice), { value: { text: 'y' }, version: 2 });
    assert.equal(await collection().delete(alice, { expect: 2 }), true);
    await rejectsWith(collection().delete(alice, { expect: 2 }), 'conflict');
    assert.equal(await collection().put(alice, { text: 'n' }, { expect: 0 }), 1);
  });

  test('of two writes with one expectation in the same turn exactly the first wins', async () => {
    const alice = owner();
    const results = await Promise.allSettled([
      collection().put(alice, { text: 'first' }, { expect: 0 }),
      collection().put(alice, { text: 'second' }, { expect: 0 }),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected'],
    );
    assert.equal((await collection().get(alice))?.value.text, 'first');
  });

  test('a hundred owners written in one turn are all there, whatever some of them expected', async () => {
    const all = Array.from({ length: 100 }, () => owner());
    const results = await Promise.allSettled(
      all.map((one, index) => collection().put(one, { text: one }, index % 10 === 3 ? { expect: 7 } : {})),
    );
    for (const [index, one] of all.entries()) {
      assert.equal(results[index]?.status, index % 10 === 3 ? 'rejected' : 'fulfilled');
      assert.equal((await collection().get(one))?.value.text, index % 10 === 3 ? undefined : one);
    }
  });

  test('delete says whether there was something', async () => {
    const alice = owner();
    assert.equal(await collection().delete(alice), false);
    await collection().put(alice, { text: 'x' });
    assert.equal(await collection().delete(alice), true);
    assert.equal(await collection().delete(alice), false);
    assert.equal(await collection().get(alice), undefined);
    assert.equal(await collection().delete(alice, { expect: 0 }), false);
  });

  test('owners come in the order of code points, by prefix, and are counted', async () => {
    const sorted = ['A', 'a', 'a\u0000b', 'a.b/c', 'aa', 'ab', 'é', '\ufffd', '\u{1f600}'];
    const people = storage().keyval({ ...notes, name: 'people' });
    await Promise.all([...sorted].reverse().map((one) => people.put(one, { text: one })));
    assert.deepEqual(await list(people.owners()), sorted);
    assert.deepEqual(await list(people.owners('a')), ['a', 'a\u0000b', 'a.b/c', 'aa', 'ab']);
    assert.deepEqual(await list(people.owners('a.')), ['a.b/c']);
    assert.deepEqual(await list(people.owners('zz')), []);
    assert.equal(await people.count(), sorted.length);
  });

  test('many owners come each once, also while others are written', async () => {
    const many = storage().keyval({ ...notes, name: 'many' });
    const all = Array.from({ length: 1200 }, (_, index) => `u${String(index).padStart(4, '0')}`);
    await Promise.all(all.map((one) => many.put(one, { text: '' })));
    const seen: string[] = [];
    for await (const one of many.owners()) {
      if (seen.push(one) === 10) await many.put('u0000', { text: 'again' });
    }
    assert.deepEqual(seen, all);
  });

  test('collections are apart', async () => {
    const alice = owner();
    await collection().put(alice, { text: 'x' });
    assert.equal(
      await storage()
        .keyval({ ...notes, name: 'other' })
        .get(alice),
      undefined,
    );
  });

  test('a collection whose name could be mistaken for another is refused', () => {
    for (const name of ['', 'a.heads', 'a:b', '1', 'ä']) {
      for (const kind of ['keyval', 'archive'] as const) {
        assert.throws(() => storage()[kind]({ ...notes, name }), { code: 'unsupported' }, name);
      }
    }
  });

  test('the longest owner is kept; an empty, longer or ill-formed one is refused', async () => {
    const longest = `${'é'.repeat(1949)}-a`;
    await collection().put(longest, { text: 'x' });
    assert.equal((await collection().get(longest))?.value.text, 'x');
    for (const bad of ['', `${longest}b`, 'a\ud800']) {
      await rejectsWith(collection().put(bad, { text: 'x' }), 'invalid-document');
    }
  });

  test('a document of a megabyte', async () => {
    const alice = owner();
    const text = 'é\n"'.repeat(350_000);
    await collection().put(alice, { text });
    assert.equal((await collection().get(alice))?.value.text, text);
  });
}

function describeArchive(storage: () => Storage, owner: () => string): void {
  const texts = (entries: { value: Note }[]): string[] => entries.map((entry) => entry.value.text);

  test('entries come in the order of their appends, forwards, backwards and by page', async () => {
    const archive = storage().archive(log);
    const alice = owner();
    const ids = await Promise.all([...'abcdef'].map((text) => archive.append(alice, { text })));
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
    assert.equal(new Set(ids).size, 6);
    assert.ok(ids.every((id) => Number.isSafeInteger(id) && id > 0));
    const page = (options: Parameters<typeof archive.page>[1]) => archive.page(alice, options).then(texts);
    assert.deepEqual(
      (await archive.page(alice)).map((entry) => entry.id),
      ids,
    );
    assert.deepEqual(await page({}), [...'abcdef']);
    assert.deepEqual(await page({ backwards: true }), [...'fedcba']);
    assert.deepEqual(await page({ limit: 2 }), ['a', 'b']);
    assert.deepEqual(await page({ limit: 2, backwards: true }), ['f', 'e']);
    assert.deepEqual(await page({ after: ids[1] ?? 0, limit: 2 }), ['c', 'd']);
    assert.deepEqual(await page({ before: ids[4] ?? 0, limit: 2, backwards: true }), ['d', 'c']);
    assert.deepEqual(await page({ after: ids[0] ?? 0, before: ids[4] ?? 0 }), ['b', 'c', 'd']);
    assert.deepEqual(await page({ limit: 0 }), []);
    assert.deepEqual(await page({ after: ids[5] ?? 0 }), []);
  });

  test('owners whose names begin alike do not mix', async () => {
    const archive = storage().archive({ ...log, name: 'alike' });
    for (const one of ['a', 'a\u0000', 'a\u0000b', 'ab', '\u{1f600}'])
      await archive.append(one, { text: one });
    for (const one of ['a', 'a\u0000', 'a\u0000b', 'ab', '\u{1f600}']) {
      assert.deepEqual(texts(await archive.page(one)), [one]);
      assert.equal(await archive.count(one), 1);
    }
    await archive.clear('a');
    assert.deepEqual(await list(archive.owners()), ['a\u0000', 'a\u0000b', 'ab', '\u{1f600}']);
    assert.deepEqual(await list(archive.owners('a\u0000')), ['a\u0000', 'a\u0000b']);
  });

  test('no id comes twice, not even after the newest entry or all of them are removed', async () => {
    const archive = storage().archive(log);
    const alice = owner();
    const seen = new Set<number>();
    const append = async (): Promise<number> => {
      const id = await archive.append(alice, { text: 'x' });
      assert.ok(!seen.has(id) && [...seen].every((other) => other < id), `${id} after ${[...seen]}`);
      seen.add(id);
      return id;
    };
    await append();
    const newest = await append();
    await archive.remove(alice, [newest]);
    await append();
    await archive.clear(alice);
    await append();
    await archive.trim(alice, 0);
    await append();
    assert.equal(await archive.count(alice), 1);
  });

  test('trim keeps the newest and counts what went; remove is for those ids', async () => {
    const archive = storage().archive(log);
    const alice = owner();
    const ids: number[] = [];
    for (const text of 'abcdef') ids.push(await archive.append(alice, { text }));
    assert.equal(await archive.trim(alice, 10), 0);
    assert.equal(await archive.trim(alice, 4), 2);
    assert.deepEqual(texts(await archive.page(alice)), [...'cdef']);
    await archive.remove(alice, [ids[3] ?? 0, ids[0] ?? 0, 9_999]);
    assert.deepEqual(texts(await archive.page(alice)), [...'cef']);
    await archive.remove(alice, []);
    assert.equal(await archive.count(alice), 3);
    await archive.clear(alice);
    assert.deepEqual(await archive.page(alice), []);
  });

  test('what is appended after clear or trim was called stays', async () => {
    const archive = storage().archive(log);
    const alice = owner();
    await archive.append(alice, { text: 'old' });
    const cleared = archive.clear(alice);
    const appended = archive.append(alice, { text: 'new' });
    await Promise.all([cleared, appended]);
    assert.deepEqual(texts(await archive.page(alice)), ['new']);
  });

  test('a read sees every append that was called before it', async () => {
    const archive = storage().archive(log);
    const alice = owner();
    const pending = ['a', 'b'].map((text) => archive.append(alice, { text }));
    assert.deepEqual(texts(await archive.page(alice)), ['a', 'b']);
    await Promise.all(pending);
    const removal = archive.clear(alice);
    assert.equal(await archive.count(alice), 0);
    await removal;
  });

  test('a thousand appends in one turn, over many owners', async () => {
    const archive = storage().archive({ ...log, name: 'flood' });
    const ids = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => archive.append(`o${index % 7}`, { text: String(index) })),
    );
    for (let one = 0; one < 7; one++) {
      const expected = ids.flatMap((id, index) =>
        index % 7 === one ? [{ id, value: { text: String(index) } }] : [],
      );
      assert.deepEqual(await archive.page(`o${one}`), expected);
    }
    assert.deepEqual(await list(archive.owners()), ['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6']);
  });
}

function describeForms(storage: () => Storage, owner: () => string): void {
  const second = { name: 'forms', schema: z.object({ body: z.string() }), schemaVersion: 2 };
  const first = { name: 'forms', schema: noteSchema, schemaVersion: 1 };

  test('a document of an older form is migrated, one of a newer form refused', async () => {
    const alice = owner();
    const migrating = {
      ...second,
      migrate: (document: unknown, from: number) => ({ body: `${from}:${(document as Note).text}` }),
    };
    await storage().keyval(first).put(alice, { text: 'x' });
    assert.deepEqual(await storage().keyval(migrating).get(alice), { value: { body: '1:x' }, version: 1 });
    await rejectsWith(storage().keyval(second).get(alice), 'invalid-document');
    await storage().keyval(migrating).put(alice, { body: 'new' }, { expect: 1 });
    await rejectsWith(storage().keyval(first).get(alice), 'schema-too-new');
    assert.deepEqual(await storage().keyval(migrating).get(alice), { value: { body: 'new' }, version: 2 });
  });

  test('an archive treats forms alike', async () => {
    const alice = owner();
    await storage()
      .archive({ ...second, name: 'entry-forms' })
      .append(alice, { body: 'new' });
    await rejectsWith(
      storage()
        .archive({ ...first, name: 'entry-forms' })
        .page(alice),
      'schema-too-new',
    );
  });

  test('a damaged entry of an archive costs itself only, and a short page is the last', async () => {
    const alice = owner();
    const loose = storage().archive({ name: 'damaged', schema: z.unknown(), schemaVersion: 1 });
    for (const text of ['a', 1, 'b', 2, 3, 'c', 4]) await loose.append(alice, { text });
    const strict = storage().archive({ ...log, name: 'damaged' });
    const read = async (options: Parameters<typeof strict.page>[1]) =>
      (await strict.page(alice, options)).map((entry) => entry.value.text).join('');
    assert.equal(await read({}), 'abc');
    assert.equal(await read({ limit: 2 }), 'ab');
    assert.equal(await read({ limit: 3 }), 'abc');
    assert.equal(await read({ limit: 2, backwards: true }), 'cb');
    assert.equal(await read({ limit: 9, backwards: true }), 'cba');
    const [first] = await strict.page(alice);
    assert.equal(await read({ limit: 2, after: first?.id ?? 0 }), 'bc');
  });

  test('a document that does not fit its schema is refused, without showing its contents', async () => {
    const alice = owner();
    await storage()
      .keyval({ ...first, schema: z.object({ text: z.number() }) })
      .put(alice, { text: 4711 });
    const error = await rejectsWith(storage().keyval(first).get(alice), 'invalid-document');
    assert.match(error.message, /forms: .*text: invalid_type/);
    assert.doesNotMatch(error.message, /4711/);
  });
}
