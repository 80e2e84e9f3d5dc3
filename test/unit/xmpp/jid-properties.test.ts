import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainToDns, prepareDomain, prepareLocalpart, prepareResource } from '../../../shared/xmpp/jid.js';

// Properties over many code points: what is prepared is prepared already, and holds no separator or control character.

/** A small generator with a fixed seed, so that a failure can be repeated. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

function* texts(): Generator<string> {
  for (let cp = 0; cp <= 0x1ffff; cp += cp < 0x3000 || (cp >= 0xf900 && cp < 0x10000) ? 1 : 13) {
    yield String.fromCodePoint(cp);
    if (cp < 0x3000) yield `a${String.fromCodePoint(cp)}\u0301b`;
  }
  const random = numbers(7622);
  const draw = (bound: number) => random.next().value % bound;
  const blocks = [
    0x20, 0x80, 0x300, 0x390, 0x590, 0x600, 0x900, 0x1100, 0x13a0, 0x1e00, 0x2000, 0x3040, 0xac00, 0xff00,
  ];
  for (let i = 0; i < 20_000; i++) {
    const block = blocks[draw(blocks.length)] ?? 0;
    const length = 1 + draw(5);
    yield String.fromCodePoint(
      ...Array.from({ length }, () => (draw(4) === 0 ? 0x61 + draw(26) : block + draw(0x60))),
    );
  }
}

test('preparing twice is preparing once', () => {
  let accepted = 0;
  for (const text of texts()) {
    for (const prepare of [prepareLocalpart, prepareResource, prepareDomain]) {
      const prepared = prepare(text);
      if (prepared === null) continue;
      accepted++;
      assert.equal(prepare(prepared), prepared, `${prepare.name} ${JSON.stringify(text)}`);
      assert.equal(prepared.normalize('NFC'), prepared);
      assert.doesNotMatch(prepared, /[\p{Cc}\p{Cn}\p{Co}\p{Cs}]/u, JSON.stringify(text));
    }
  }
  assert.ok(accepted > 50_000, `only ${accepted} accepted: the property was hardly tried`);
});

test('a prepared localpart has nothing that could end it, or that XML would need escaped', () => {
  for (const text of texts()) {
    const prepared = prepareLocalpart(text);
    if (prepared !== null) assert.doesNotMatch(prepared, /[\s"&'/:<>@]/u, JSON.stringify(text));
  }
});

test('a prepared domain has a name in the DNS, which stands for it', () => {
  for (const text of texts()) {
    const prepared = prepareDomain(text);
    if (prepared === null) continue;
    const name = domainToDns(prepared);
    assert.match(name, /^[-.0-9a-z]+$/, JSON.stringify(text));
    assert.equal(prepareDomain(name), prepared, JSON.stringify(text));
  }
});
