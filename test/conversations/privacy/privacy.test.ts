import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;
let component: ProcessUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ COMPONENTS: 'privacy', COMPONENT_PRIVACY_SECRET: 'secret' });
  component = await core.component('privacy');
  await core.addUsers('romeo', 'juliet', 'tybalt', 'nurse', 'paris', 'benvolio', 'montague');
});
after(() => core.stop());

const PRIVACY = 'jabber:iq:privacy';
const BLOCKING = 'urn:xmpp:blocking';

const block = (client: RawClient, jid: string) =>
  client.iq('set', `<block xmlns='${BLOCKING}'><item jid='${jid}'/></block>`);
const error = (stanza: { element: { getChild(name: string): { children: unknown[] } | undefined } }) =>
  String((stanza.element.getChild('error')?.children[0] as { name?: string } | undefined)?.name);

/** Two accounts that see each other's presence. */
async function befriend(one: RawClient, other: RawClient): Promise<void> {
  const bare = (client: RawClient) => client.jid.replace(/\/.*/, '');
  one.send(`<presence to='${bare(other)}' type='subscribe'/>`);
  await other.stanza((stanza) => stanza.type === 'subscribe');
  other.send(`<presence to='${bare(one)}' type='subscribed'/><presence to='${bare(one)}' type='subscribe'/>`);
  await one.stanza((stanza) => stanza.type === 'subscribe');
  one.send(`<presence to='${bare(other)}' type='subscribed'/>`);
  await other.stanza((stanza) => stanza.type === 'subscribed');
  await one.ping();
  await other.ping();
  one.received.length = 0;
  other.received.length = 0;
}

test('XEP-0191 §3.2–3.4: block, push, list, what a blocked sender hears, unblock', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const tybalt = await core.online('tybalt', 'street');
  await romeo.iq('get', `<blocklist xmlns='${BLOCKING}'/>`);
  assert.equal((await block(romeo, 'tybalt@localhost')).type, 'result');
  const push = await romeo.stanza((stanza) => stanza.hasChild('block', BLOCKING));
  assert.equal(push.type, 'set');
  const list = await romeo.iq('get', `<blocklist xmlns='${BLOCKING}'/>`);
  assert.match(list.source, /<item jid='tybalt@localhost'\/>/);
  tybalt.send("<message to='romeo@localhost' type='chat' id='b1'><body>villain</body></message>");
  const refusal = await tybalt.stanza((stanza) => stanza.id === 'b1');
  assert.equal(refusal.type, 'error');
  assert.equal(error(refusal), 'service-unavailable');
  romeo.send("<message to='tybalt@localhost' type='chat' id='b2'><body>!</body></message>");
  const own = await romeo.stanza((stanza) => stanza.id === 'b2');
  assert.equal(error(own), 'not-acceptable');
  assert.match(own.source, /<blocked xmlns="?'?urn:xmpp:blocking:errors/);
  await romeo.iq('set', `<unblock xmlns='${BLOCKING}'/>`);
  tybalt.send("<message to='romeo@localhost' type='chat' id='b3'><body>again</body></message>");
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'message')).id, 'b3');
  await romeo.close();
  await tybalt.close();
});

test('XEP-0191 §3.3, §3.4: a blocked contact sees us leave, an unblocked one sees us again', async () => {
  const juliet = await core.online('juliet', 'balcony');
  const nurse = await core.online('nurse', 'chamber');
  await befriend(juliet, nurse);
  await block(juliet, 'nurse@localhost');
  const gone = await nurse.stanza((stanza) => stanza.name === 'presence');
  assert.equal(gone.type, 'unavailable');
  assert.equal(gone.from, 'juliet@localhost/balcony');
  const hers = await juliet.stanza((stanza) => stanza.name === 'presence');
  assert.equal(hers.type, 'unavailable');
  await juliet.iq('set', `<unblock xmlns='${BLOCKING}'><item jid='nurse@localhost'/></unblock>`);
  const back = await nurse.stanza((stanza) => stanza.name === 'presence');
  assert.equal(back.type, undefined);
  await juliet.close();
  await nurse.close();
});

test('XEP-0016 §2.3–2.8: lists are made, read, made default and active, and removed', async () => {
  const paris = await core.online('paris', 'church');
  const empty = await paris.iq('get', `<query xmlns='${PRIVACY}'/>`);
  assert.equal(empty.element.getChild('query')?.getChildElements().length, 0);
  const definition =
    "<list name='public'><item type='jid' value='tybalt@localhost' action='deny' order='3'><message/></item>" +
    "<item action='allow' order='68'/></list>";
  assert.equal((await paris.iq('set', `<query xmlns='${PRIVACY}'>${definition}</query>`)).type, 'result');
  const push = await paris.stanza((stanza) => stanza.type === 'set');
  assert.match(push.source, /<list name='public'\/>/);
  const read = await paris.iq('get', `<query xmlns='${PRIVACY}'><list name='public'/></query>`);
  assert.match(read.source, /order='3'/);
  for (const element of ["<active name='public'/>", "<default name='public'/>"]) {
    assert.equal((await paris.iq('set', `<query xmlns='${PRIVACY}'>${element}</query>`)).type, 'result');
  }
  const names = await paris.iq('get', `<query xmlns='${PRIVACY}'/>`);
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
    const answer = await paris.iq('set', `<query xmlns='${PRIVACY}'>${payload}</query>`);
    assert.equal(error(answer), condition, payload);
  }
  const tybalt = await core.online('tybalt', 'street');
  tybalt.send("<message to='paris@localhost/church' type='chat' id='p1'><body>x</body></message>");
  assert.equal(error(await tybalt.stanza((stanza) => stanza.id === 'p1')), 'service-unavailable');
  await tybalt.close();
  await paris.close();
});

test('XEP-0016 §2.2 rule 11: a default list in use by another resource cannot be changed or removed', async () => {
  const one = await core.online('benvolio', 'one');
  const two = await core.online('benvolio', 'two');
  for (const name of ['a', 'b']) {
    await one.iq(
      'set',
      `<query xmlns='${PRIVACY}'><list name='${name}'><item type='jid' value='${name}.example' action='deny' order='1'/></list></query>`,
    );
  }
  assert.equal((await one.iq('set', `<query xmlns='${PRIVACY}'><default name='a'/></query>`)).type, 'result');
  for (const payload of ["<default name='b'/>", '<default/>', "<list name='a'/>"]) {
    assert.equal(
      error(await one.iq('set', `<query xmlns='${PRIVACY}'>${payload}</query>`)),
      'conflict',
      payload,
    );
  }
  await two.iq('set', `<query xmlns='${PRIVACY}'><active name='b'/></query>`);
  assert.equal((await one.iq('set', `<query xmlns='${PRIVACY}'><default/></query>`)).type, 'result');
  await one.close();
  await two.close();
});

test('With the component killed rules stay in force, and its return changes nothing', async () => {
  const montague = await core.online('montague', 'house');
  await block(montague, 'tybalt@localhost');
  await component.stop('SIGKILL');
  const tybalt = await core.online('tybalt', 'street');
  tybalt.send("<message to='montague@localhost' type='chat' id='k1'><body>x</body></message>");
  assert.equal(error(await tybalt.stanza((stanza) => stanza.id === 'k1')), 'service-unavailable');
  component = await core.component('privacy');
  const list = await montague.iq('get', `<blocklist xmlns='${BLOCKING}'/>`);
  assert.match(list.source, /tybalt@localhost/);
  await tybalt.close();
  await montague.close();
});
