import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CapsCache, type CapsEntry } from '../../../components/pep/server/caps-cache.js';
import type { Counter } from '../../../shared/observability/types.js';
import type { Element } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { capsHash } from '../../../shared/xmpp/caps.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const INFO = Stanza.parse(
  "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:n+notify'/></query>",
).element;
const CAPS = { node: 'https://client.example', ver: capsHash(INFO), hash: 'sha-1' };

function setUp(put: () => Promise<void> = async () => undefined) {
  const state = { linked: true };
  const asked: string[] = [];
  const answers = new Map<string, Element>();
  const cache = new CapsCache({
    async ask(resource) {
      asked.push(resource);
      const answer = answers.get(resource);
      if (answer === undefined) throw new Error('no answer');
      return answer;
    },
    store: { get: async () => undefined, put },
    log: recordingLogger(),
    queries: { inc: () => undefined } as unknown as Counter,
    linked: () => state.linked,
  });
  return { cache, asked, answers, state };
}

test('a question that was lost with the link is asked again on the next one', async () => {
  const { cache, answers, state, asked } = setUp();
  const entry = cache.hold(CAPS);
  state.linked = false;
  assert.equal((await cache.interests(entry, 'a@x/1')).size, 0);
  state.linked = true;
  answers.set('a@x/1', INFO);
  assert.deepEqual([...(await cache.interests(entry, 'a@x/1'))], ['urn:n']);
  assert.deepEqual(asked, ['a@x/1', 'a@x/1']);
});

test('capabilities are used as soon as they are proved, whatever becomes of storing them', async () => {
  for (const put of [
    () => new Promise<void>(() => {}),
    () => Promise.reject(new Error('the store is away')),
  ]) {
    const { cache, answers } = setUp(put);
    answers.set('a@x/1', INFO);
    assert.deepEqual([...(await cache.interests(cache.hold(CAPS), 'a@x/1'))], ['urn:n']);
  }
});

test('capabilities that nobody announces any more are forgotten when there are many, those in use are not', () => {
  const { cache } = setUp();
  const held = (n: number) => cache.hold({ ...CAPS, ver: `${n}` });
  const used = Array.from({ length: 6_000 }, (_, n) => held(n));
  assert.equal(cache.size, 6_000);
  for (const entry of used.slice(0, 4_000)) cache.release(entry);
  cache.retain(used[0] as CapsEntry);
  held(6_000);
  assert.equal(cache.size, 5_000);
  assert.equal(held(0), used[0]);
  assert.equal(held(5_999), used[5_999]);
});

test('who cannot prove a hash rests; others who announce it are asked all the same, but not any number', async () => {
  const { cache, answers, asked } = setUp();
  const entry = cache.hold(CAPS);
  for (let again = 0; again < 3; again++) await cache.interests(entry, 'stranger@evil/1');
  assert.deepEqual(asked, ['stranger@evil/1']);
  answers.set('a@x/1', INFO);
  assert.deepEqual([...(await cache.interests(entry, 'a@x/1'))], ['urn:n']);
  const other = cache.hold({ ...CAPS, ver: 'x' });
  asked.length = 0;
  // however many resources one account has
  for (let n = 0; n < 100; n++) await cache.interests(other, `stranger@evil/${n}`);
  assert.equal(asked.length, 3);
  for (let n = 0; n < 100; n++) await cache.interests(other, `stranger${n}@evil/1`);
  assert.equal(asked.length, 20);
});

test('who announces a hash while others fail to prove it is asked in the end', async () => {
  const { cache, answers, asked } = setUp();
  const entry = cache.hold(CAPS);
  answers.set('a@x/1', INFO);
  const strangers = Array.from({ length: 8 }, (_, n) => cache.interests(entry, `stranger${n}@evil/1`));
  assert.deepEqual([...(await cache.interests(entry, 'a@x/1'))], ['urn:n']);
  await Promise.all(strangers);
  assert.ok(asked.length <= 9, asked.join());
});
