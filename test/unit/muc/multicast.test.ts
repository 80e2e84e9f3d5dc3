import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Multicast } from '../../../components/muc/multicast.js';
import { ADDRESSES_KEPT, LISTS_KEPT } from '../../../shared/component/address-lists.js';

// What muc sends to many where the server fans out and keeps lists (docs/protocols/address-lists.md).
function harness() {
  const multicast = new Multicast();
  multicast.offered('server', true);
  let sent = '';
  return {
    multicast,
    /** What is said of the list: `plain`, `keep 0`, `use 0`; `refused` where the link does not take it. */
    say(
      to: readonly string[],
      options: { from?: number; taken?: boolean; body?: string; id?: string } = {},
    ): string {
      const { from = 0, taken = true, body = 'x', id = '' } = options;
      const text = { head: `<message id='${id}' to='`, tail: `'><body>${body}</body></message>` };
      const count = multicast.send({ text, to }, from, (whole) => {
        sent = whole;
        return taken;
      });
      if (count === 0) return 'refused';
      const [, attribute, place] =
        /^<message id='x*' to='server'><list xmlns='[^']*' (\w+)='(\d+)'\/>/.exec(sent) ?? [];
      assert.equal(sent.includes('<addresses '), attribute !== 'use');
      return attribute === undefined ? 'plain' : `${attribute} ${place}`;
    },
  };
}

const people = (count: number, name = 'a') => Array.from({ length: count }, (_, at) => `${name}${at}@x/y`);

test('a list is kept when it is sent the second time, and only where the link has taken that', () => {
  const { multicast, say } = harness();
  const room = people(3);
  assert.equal(say(room), 'plain');
  assert.equal(say(room, { taken: false }), 'refused');
  assert.equal(say(room), 'keep 0');
  assert.equal(say(room, { taken: false }), 'refused');
  assert.equal(say(room), 'use 0');
  multicast.offered('server', true);
  assert.equal(say(room), 'keep 0', 'a new stream knows nothing');
  multicast.offered('server', false);
  assert.equal(say(room), 'plain');
});

test('a stanza that the link may drop for its size keeps nothing', () => {
  const { say } = harness();
  const room = people(3);
  say(room);
  for (const part of ['body', 'id']) assert.equal(say(room, { [part]: 'x'.repeat(100_000) }), 'plain');
  assert.equal(say(room), 'keep 0');
});

test('a room of more than one stanza has a list for each', () => {
  const { say } = harness();
  const room = people(2_500);
  const taken = 100_000 / "<address type='bcc' jid='a1000@x/y'/>".length;
  assert.ok(taken > 2_000, 'by number, not by size');
  for (const expected of ['plain', 'keep 0', 'use 0']) assert.equal(say(room), expected);
  for (const expected of ['plain', 'keep 1', 'use 1']) assert.equal(say(room, { from: 2_000 }), expected);
});

test('where all places are taken, only a list that was not used for long gives way', () => {
  const { say } = harness();
  const rooms = Array.from({ length: LISTS_KEPT }, (_, at) => people(3, `r${at}`));
  for (const [at, room] of rooms.entries()) {
    say(room);
    assert.equal(say(room), `keep ${at}`);
  }
  const newcomer = people(3, 'n');
  for (let times = 0; times < 3; times++) assert.equal(say(newcomer), 'plain');
  const others = rooms.slice(1);
  for (let round = 0; round < 5; round++) for (const room of others) say(room);
  assert.equal(say(newcomer), 'keep 0');
  assert.equal(say(newcomer), 'use 0');
  assert.equal(say(rooms[0] ?? []), 'plain', 'it has lost its place');
});

test('all together have no more addresses than the server keeps', () => {
  const { say } = harness();
  const count = ADDRESSES_KEPT / 2_000;
  for (let at = 0; at < count; at++) {
    const room = people(2_000, `r${at}`);
    say(room);
    assert.equal(say(room), `keep ${at}`);
  }
  const one = people(3, 'n');
  for (let times = 0; times < 3; times++) assert.equal(say(one), 'plain');
});
