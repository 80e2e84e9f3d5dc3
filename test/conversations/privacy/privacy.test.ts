import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import {
  BLOCKING,
  block,
  blockList,
  outcome,
  PRIVACY_ONLY,
  privacyGet,
  privacySet,
  unblock,
} from '../../tools/privacy.js';

let core: CoreUnderTest;
let component: ProcessUnderTest;
before(async () => {
  core = await CoreUnderTest.start(PRIVACY_ONLY);
  component = await core.component('privacy');
  await core.addUsers('romeo', 'tybalt', 'paris', 'benvolio', 'montague');
});
after(() => core.stop());

test('XEP-0191 §3.2–3.4: block, push, list, what a blocked sender hears, unblock', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const tybalt = await core.online('tybalt', 'street');
  await blockList(romeo);
  await block(romeo, 'tybalt@localhost');
  const push = await romeo.stanza((stanza) => stanza.hasChild('block', BLOCKING));
  assert.equal(push.type, 'set');
  assert.deepEqual(await blockList(romeo), ['tybalt@localhost']);
  tybalt.send("<message to='romeo@localhost' type='chat' id='b1'><body>villain</body></message>");
  const refusal = await tybalt.stanza((stanza) => stanza.id === 'b1');
  assert.equal(outcome(refusal), 'service-unavailable');
  romeo.send("<message to='tybalt@localhost' type='chat' id='b2'><body>!</body></message>");
  const own = await romeo.stanza((stanza) => stanza.id === 'b2');
  assert.equal(outcome(own), 'not-acceptable+blocked');
  // §3.3 example: an error of type cancel, as trying again is of no use
  assert.match(own.source, /<error [^>]*type=["']cancel["']/);
  assert.match(own.source, /<blocked xmlns="?'?urn:xmpp:blocking:errors/);
  await unblock(romeo);
  tybalt.send("<message to='romeo@localhost' type='chat' id='b3'><body>again</body></message>");
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'message')).id, 'b3');
  await romeo.close();
  await tybalt.close();
});

test('XEP-0016 §2.3–2.8: lists are made, read, made default and active, and removed', async () => {
  const paris = await core.online('paris', 'church');
  const empty = await privacyGet(paris);
  assert.equal(empty.element.getChild('query')?.getChildElements().length, 0);
  const definition =
    "<list name='public'><item type='jid' value='tybalt@localhost' action='deny' order='3'><message/></item>" +
    "<item action='allow' order='68'/></list>";
  assert.equal((await privacySet(paris, definition)).type, 'result');
  const push = await paris.stanza((stanza) => stanza.type === 'set');
  assert.match(push.source, /<list name='public'\/>/);
  const read = await privacyGet(paris, `<list name='public'/>`);
  assert.match(read.source, /order='3'/);
  for (const element of ["<active name='public'/>", "<default name='public'/>"]) {
    assert.equal((await privacySet(paris, element)).type, 'result');
  }
  const names = await privacyGet(paris);
  assert.match(names.source, /<active name='public'\/><default name='public'\/><list name='public'\/>/);
  for (const [payload, condition] of [
    ["<active name='none such'/>", 'item-not-found'],
    ["<default name='none such'/>", 'item-not-found'],
    ["<list name='none such'/>", 'item-not-found'],
    ['<active/><default/>', 'bad-request'],
    ["<list name='x'><item action='deny' order='1'/><item action='allow' order='1'/></list>", 'bad-request'],
    ["<list name='x'><item type='jid' value='a@b@c' action='deny' order='1'/></list>", 'bad-request'],
    ["<list name='x'><item type='group' value='Nobody' action='deny' order='1'/></list>", 'item-not-found'],
  ] as const) {
    const answer = await privacySet(paris, payload);
    assert.equal(outcome(answer), condition, payload);
  }
  const tybalt = await core.online('tybalt', 'street');
  tybalt.send("<message to='paris@localhost/church' type='chat' id='p1'><body>x</body></message>");
  assert.equal(outcome(await tybalt.stanza((stanza) => stanza.id === 'p1')), 'service-unavailable');
  await tybalt.close();
  await paris.close();
});

test('XEP-0016 §2.2 rule 11: a default list in use by another resource cannot be changed or removed', async () => {
  const one = await core.online('benvolio', 'one');
  const two = await core.online('benvolio', 'two');
  for (const name of ['a', 'b']) {
    await privacySet(
      one,
      `<list name='${name}'><item type='jid' value='${name}.example' action='deny' order='1'/></list>`,
    );
  }
  assert.equal((await privacySet(one, `<default name='a'/>`)).type, 'result');
  for (const payload of ["<default name='b'/>", '<default/>', "<list name='a'/>"]) {
    assert.equal(outcome(await privacySet(one, payload)), 'conflict', payload);
  }
  await privacySet(two, `<active name='b'/>`);
  assert.equal((await privacySet(one, `<default/>`)).type, 'result');
  await one.close();
  await two.close();
});

test('With the component killed rules stay in force, and its return changes nothing', async () => {
  const montague = await core.online('montague', 'house');
  await block(montague, 'tybalt@localhost');
  await component.stop('SIGKILL');
  const tybalt = await core.online('tybalt', 'street');
  tybalt.send("<message to='montague@localhost' type='chat' id='k1'><body>x</body></message>");
  assert.equal(outcome(await tybalt.stanza((stanza) => stanza.id === 'k1')), 'service-unavailable');
  component = await core.component('privacy');
  assert.deepEqual(await blockList(montague), ['tybalt@localhost']);
  await tybalt.close();
  await montague.close();
});
