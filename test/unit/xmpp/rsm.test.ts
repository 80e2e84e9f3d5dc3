import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xml } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { pageOf, parseResultSet, type ResultSetRequest, resultSetElement } from '../../../shared/xmpp/rsm.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';

const letters = [...'abcdefghij'];
const request = (fields: Partial<ResultSetRequest>): ResultSetRequest => ({
  max: undefined,
  after: undefined,
  before: undefined,
  index: undefined,
  ...fields,
});
const cut = (fields: Partial<ResultSetRequest> | null, limit = 4) => {
  const result = pageOf(letters, fields === null ? null : request(fields), { id: (letter) => letter, limit });
  return { items: result.items.join(''), index: result.page.index, more: result.more };
};

test('a request is read from its payload', () => {
  const payload = (...children: ReturnType<typeof xml>[]) =>
    xml('query', {}, xml('set', { xmlns: NS.resultSet }, ...children));
  assert.equal(parseResultSet(xml('query')), null);
  assert.deepEqual(parseResultSet(payload()), request({}));
  assert.deepEqual(
    parseResultSet(payload(xml('max', {}, '10'), xml('before'))),
    request({ max: 10, before: '' }),
  );
  assert.deepEqual(
    parseResultSet(payload(xml('max', {}, ' 0 '), xml('after', {}, 'x'), xml('index', {}, '371'))),
    request({ max: 0, after: 'x', index: 371 }),
  );
  for (const wrong of ['', '-1', 'ten', '1.5', '99999999999', '0x10']) {
    assert.throws(() => parseResultSet(payload(xml('max', {}, wrong))), { condition: 'bad-request' }, wrong);
  }
});

test('XEP-0059 §2: pages', () => {
  const cases: readonly (readonly [Partial<ResultSetRequest> | null, string, number, boolean])[] = [
    [null, 'abcd', 0, true],
    [{ max: 3 }, 'abc', 0, true],
    [{ max: 100 }, 'abcd', 0, true],
    [{ max: 3, after: 'c' }, 'def', 3, true],
    [{ max: 3, after: 'h' }, 'ij', 8, false],
    [{ max: 2, after: 'h' }, 'ij', 8, false],
    [{ max: 3, after: 'j' }, '', 10, false],
    [{ max: 3, before: '' }, 'hij', 7, true],
    [{ max: 3, before: 'h' }, 'efg', 4, true],
    [{ max: 3, before: 'c' }, 'ab', 0, false],
    [{ max: 3, before: 'a' }, '', 0, false],
    [{ max: 3, index: 5 }, 'fgh', 5, true],
    [{ max: 3, index: 8 }, 'ij', 8, false],
    [{ max: 3, index: 10 }, '', 10, false],
    [{ max: 3, index: 1000 }, '', 10, false],
    [{ max: 3, after: 'b', before: 'i' }, 'fgh', 5, true],
    [{ max: 3, after: 'g', before: 'i' }, 'h', 7, false],
    [{ max: 3, after: 'i', before: 'b' }, '', 1, false],
    // An empty <after/> is before the first item.
    [{ max: 3, after: '' }, 'abc', 0, true],
  ];
  for (const [fields, items, index, more] of cases) {
    assert.deepEqual(cut(fields), { items, index, more }, JSON.stringify(fields));
  }
});

test('the count alone', () => {
  const { items, page } = pageOf(letters, request({ max: 0 }), { id: (letter) => letter, limit: 4 });
  assert.deepEqual(items, []);
  assert.equal(resultSetElement(page).toString(), `<set xmlns="${NS.resultSet}"><count>10</count></set>`);
});

test('the whole set comes once, whichever way it is paged', () => {
  const options = { id: (letter: string) => letter, limit: 3 };
  const forwards: string[] = [];
  for (let after: string | undefined; ; ) {
    const { items, page, more } = pageOf(letters, request({ after }), options);
    forwards.push(...items);
    after = page.last;
    if (!more) break;
  }
  assert.deepEqual(forwards, letters);
  const backwards: string[] = [];
  for (let before: string | undefined = ''; ; ) {
    const { items, page, more }: ReturnType<typeof pageOf<string>> = pageOf(
      letters,
      request({ before }),
      options,
    );
    backwards.unshift(...items);
    before = page.first;
    if (!more) break;
  }
  assert.deepEqual(backwards, letters);
});

test('§2.4: an item that has gone is not found, unless the order says where it was', () => {
  const sparse = ['b', 'd', 'f'];
  const byId = { id: (letter: string) => letter, limit: 9 };
  const sorted = { ...byId, order: (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0) };
  for (const fields of [{ after: 'c' }, { before: 'c' }]) {
    assert.throws(
      () => pageOf(sparse, request(fields), byId),
      (error) => error instanceof StanzaError && error.condition === 'item-not-found',
    );
  }
  assert.deepEqual(pageOf(sparse, request({ after: 'c' }), sorted).items, ['d', 'f']);
  assert.deepEqual(pageOf(sparse, request({ after: 'd' }), sorted).items, ['f']);
  assert.deepEqual(pageOf(sparse, request({ after: 'z' }), sorted).items, []);
  assert.deepEqual(pageOf(sparse, request({ before: 'e' }), sorted).items, ['b', 'd']);
  assert.deepEqual(pageOf(sparse, request({ before: 'z' }), sorted).items, ['b', 'd', 'f']);
  assert.deepEqual(pageOf(sparse, request({ before: 'a' }), sorted).items, []);
});

test('the answer names first, last, index and count', () => {
  assert.equal(
    resultSetElement({ first: 'a', last: 'c', index: 0, count: 10 }).toString(),
    `<set xmlns="${NS.resultSet}"><first index="0">a</first><last>c</last><count>10</count></set>`,
  );
  assert.equal(
    resultSetElement({ first: 'a', last: 'a', index: undefined, count: undefined }).toString(),
    `<set xmlns="${NS.resultSet}"><first>a</first><last>a</last></set>`,
  );
});

test('an empty set has an empty page', () => {
  const { items, page, more } = pageOf([] as string[], null, { id: (letter) => letter, limit: 4 });
  assert.deepEqual([items, page.first, page.last, page.count, more], [[], undefined, undefined, 0, false]);
});
