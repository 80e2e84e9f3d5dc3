import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

// RFC 6120 §13.11, Directory Harvesting: whoever is logged in (here or elsewhere) and asks about names one after the
// other learns of an account what he learns of a name that nobody has. Log-in itself is in timing.test.ts.

let core: CoreUnderTest;
let mallory: RawClient;

before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'pep,vcard,privacy',
    COMPONENT_PEP_SECRET: 'secret',
    COMPONENT_VCARD_SECRET: 'secret',
    COMPONENT_PRIVACY_SECRET: 'secret',
  });
  for (const name of ['pep', 'vcard', 'privacy']) await core.component(name);
  await core.addUsers('juliet', 'mallory');
  const juliet = await core.online('juliet', 'balcony');
  // she has something of her own, which is not for him
  await juliet.iq('set', "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>");
  await juliet.iq(
    'set',
    "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='private'><item><x xmlns='urn:example:x'/></item></publish></pubsub>",
  );
  await juliet.close();
  mallory = await core.online('mallory');
});
after(() => core.stop());

const PUBSUB = 'http://jabber.org/protocol/pubsub';
/** [type, payload]: everything that a server answers for an account. */
const questions: readonly (readonly ['get' | 'set', string])[] = [
  ['get', "<query xmlns='http://jabber.org/protocol/disco#info'/>"],
  ['get', "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>"],
  ['get', "<query xmlns='http://jabber.org/protocol/disco#items'/>"],
  ['get', "<query xmlns='jabber:iq:last'/>"],
  ['get', "<ping xmlns='urn:xmpp:ping'/>"],
  ['get', "<query xmlns='jabber:iq:version'/>"],
  ['get', "<time xmlns='urn:xmpp:time'/>"],
  ['get', "<query xmlns='jabber:iq:roster'/>"],
  ['set', "<query xmlns='jabber:iq:roster'><item jid='a@localhost'/></query>"],
  ['get', "<query xmlns='jabber:iq:register'/>"],
  ['set', "<query xmlns='jabber:iq:register'><remove/></query>"],
  ['set', "<command xmlns='http://jabber.org/protocol/commands' node='x'/>"],
  ['get', "<query xmlns='urn:example:unknown'/>"],
  ['set', "<vCard xmlns='vcard-temp'/>"],
  ['set', `<pubsub xmlns='${PUBSUB}'><publish node='x'><item/></publish></pubsub>`],
  ['set', `<pubsub xmlns='${PUBSUB}'><retract node='x'><item id='x'/></retract></pubsub>`],
  ['set', `<pubsub xmlns='${PUBSUB}'><subscribe node='x' jid='mallory@localhost'/></pubsub>`],
  ['get', `<pubsub xmlns='${PUBSUB}'><items node='x'/></pubsub>`],
  ['get', `<pubsub xmlns='${PUBSUB}'><affiliations/></pubsub>`],
  ['get', `<pubsub xmlns='${PUBSUB}#owner'><configure node='x'/></pubsub>`],
  ['get', "<query xmlns='jabber:iq:privacy'/>"],
  ['get', "<blocklist xmlns='urn:xmpp:blocking'/>"],
  ['set', "<block xmlns='urn:xmpp:blocking'><item jid='a@localhost'/></block>"],
];

for (const [type, payload] of questions) {
  test(`${type} ${payload}: the same answer`, async () => {
    const answers: string[] = [];
    for (const name of ['juliet', 'nobody']) {
      const answer = await mallory.iq(type, payload, `${name}@localhost`);
      answers.push(answer.source.replaceAll(`${name}@`, 'X@').replace(/ id='[^']*'/, ''));
    }
    assert.equal(answers[0], answers[1]);
  });
}

test('the vCard of who has none looks like that of nobody', async () => {
  await core.addUsers('romeo');
  const answers: string[] = [];
  for (const name of ['romeo', 'nobody']) {
    const answer = await mallory.iq('get', "<vCard xmlns='vcard-temp'/>", `${name}@localhost`);
    answers.push(answer.source.replaceAll(`${name}@`, 'X@').replace(/ id='[^']*'/, ''));
  }
  assert.equal(answers[0], answers[1]);
});

test('presence, probes and IQs to resources tell nothing', async () => {
  for (const name of ['juliet', 'nobody']) {
    mallory.send(`<presence type='probe' to='${name}@localhost'/>`);
    mallory.send(`<presence to='${name}@localhost/balcony'/>`);
    mallory.send(`<presence type='subscribe' to='${name}@localhost'/>`);
    mallory.send(`<message to='${name}@localhost/balcony' type='headline'><body>x</body></message>`);
  }
  await mallory.ping();
  const said = mallory.received
    .map((item) => (item.kind === 'element' ? item.stanza.source : item.kind))
    .filter((text) => !text.includes('roster'));
  assert.deepEqual(
    said.filter((text) => text.includes('juliet')).map((text) => text.replaceAll('juliet@', 'X@')),
    said.filter((text) => text.includes('nobody')).map((text) => text.replaceAll('nobody@', 'X@')),
  );
});
