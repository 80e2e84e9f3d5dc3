import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rosters } from '../../../components/pep/server/rosters.js';
import { Watchers } from '../../../components/pep/server/watchers.js';
import type { Component } from '../../../shared/component/component.js';
import { type Element, xml } from '../../../shared/xml/element.js';
import { recordingLogger } from '../../tools/silent-logger.js';

const OWNER = 'juliet@capulet.lit';
const query = (...items: readonly [jid: string, subscription: string][]): Element =>
  xml(
    'query',
    { xmlns: 'jabber:iq:roster' },
    ...items.map(([jid, subscription]) => xml('item', { jid, subscription })),
  );

/** `said`: the server says that it pushes. */
function harness({ said = true } = {}) {
  const answers: ((roster: Element) => void)[] = [];
  const component = {
    server: {
      connected: true,
      domains: new Map([['capulet.lit', { privileges: { rosterPushSaid: said } }]]),
    },
    log: recordingLogger(),
    onDown: () => undefined,
    privileged: { getRoster: () => new Promise<Element>((resolve) => answers.push(resolve)) },
  } as unknown as Component;
  return { rosters: new Rosters(component), answers };
}

test('a push that comes right behind the roster is part of it', async () => {
  const { rosters, answers } = harness();
  const asked = rosters.get(OWNER);
  // both in one packet: nobody who waits for the answer has had a turn before the push is there
  answers[0]?.(query(['romeo@montague.lit', 'both'], ['paris@verona.lit', 'both']));
  rosters.push(OWNER, query(['paris@verona.lit', 'remove']));
  rosters.push(OWNER, query(['nurse@capulet.lit', 'from']));
  assert.deepEqual([...(await asked).keys()], ['romeo@montague.lit', 'nurse@capulet.lit']);
  assert.deepEqual([...(rosters.known(OWNER)?.keys() ?? [])], ['romeo@montague.lit', 'nurse@capulet.lit']);
});

test('a roster that was on its way while owners moved is used once and not kept', async () => {
  const { rosters, answers } = harness();
  const early = rosters.get(OWNER);
  // its pushes go to another process, or have gone there
  rosters.clear();
  const late = rosters.get(OWNER);
  assert.equal(answers.length, 2);
  answers[0]?.(query(['romeo@montague.lit', 'none']));
  assert.equal((await early).get('romeo@montague.lit')?.subscriber, false);
  assert.equal(rosters.known(OWNER), undefined);
  // and the one that was asked for afterwards is still the one that others wait for
  assert.equal(rosters.get(OWNER), late);
  answers[1]?.(query(['romeo@montague.lit', 'both']));
  assert.equal((await late).get('romeo@montague.lit')?.subscriber, true);
  assert.equal(rosters.known(OWNER)?.get('romeo@montague.lit')?.subscriber, true);
});

test('of a server that does not say that it pushes a roster is asked for again, and its changes are told', async (t) => {
  const { rosters, answers } = harness({ said: false });
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  const told: unknown[] = [];
  rosters.onPush((account, contact, before, after) =>
    told.push([account, contact, before?.subscriber, after?.subscriber]),
  );
  const first = rosters.get(OWNER);
  answers[0]?.(query(['romeo@montague.lit', 'both'], ['nurse@capulet.lit', 'to']));
  await first;
  now += 500;
  assert.equal(await rosters.get(OWNER), await first);
  now += 501;
  assert.equal(rosters.known(OWNER), undefined);
  const second = rosters.get(OWNER);
  answers[1]?.(query(['paris@verona.lit', 'from'], ['nurse@capulet.lit', 'to']));
  assert.deepEqual([...(await second).keys()], ['paris@verona.lit', 'nurse@capulet.lit']);
  assert.deepEqual(told, [
    [OWNER, 'romeo@montague.lit', true, undefined],
    [OWNER, 'paris@verona.lit', undefined, true],
  ]);
  assert.equal(answers.length, 2);
});

test('names of groups that change with each push are not kept for ever', () => {
  const { rosters } = harness();
  const push = (group: string) =>
    rosters.push(
      OWNER,
      xml(
        'query',
        { xmlns: 'jabber:iq:roster' },
        xml('item', { jid: 'romeo@montague.lit', subscription: 'both' }, xml('group', {}, group)),
      ),
    );
  for (let n = 0; n < 100; n++) push(`${n}${'x'.repeat(10_000)}`);
  assert.equal(rosters.kinds, 0);
  for (let n = 0; n < 15_000; n++) push(String(n));
  assert.ok(rosters.kinds <= 10_000);
});

test('a long name of a group that is pushed again is the same contact', async () => {
  const { rosters, answers } = harness();
  const asked = rosters.get(OWNER);
  const item = xml(
    'item',
    { jid: 'romeo@montague.lit', subscription: 'both' },
    xml('group', {}, 'x'.repeat(10_000)),
  );
  const roster = xml('query', { xmlns: 'jabber:iq:roster' }, item);
  answers[0]?.(roster);
  const before = (await asked).get('romeo@montague.lit');
  assert.ok(before);
  rosters.push(OWNER, roster);
  assert.equal(rosters.known(OWNER)?.get('romeo@montague.lit'), before);
});

test('a contact that nobody watches any more is forgotten, however many did', () => {
  const watchers = new Watchers();
  for (const account of ['a@x', 'b@x', 'c@x']) watchers.add('romeo@montague.lit', account);
  for (const account of ['a@x', 'b@x', 'c@x']) watchers.remove('romeo@montague.lit', account);
  assert.equal(watchers.size, 0);
});
