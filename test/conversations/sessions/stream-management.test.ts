import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ RESUMPTION_SECONDS: '30' });
  await core.addUsers('romeo', 'juliet', 'mallory', 'benvolio', 'nurse', 'tybalt', 'capulet');
});
after(() => core.stop());

const SM = 'urn:xmpp:sm:3';

async function enable(client: RawClient, resume = true): Promise<string> {
  client.send(`<enable xmlns='${SM}'${resume ? " resume='true'" : ''}/>`);
  const enabled = await client.stanza((stanza) => stanza.name === 'enabled');
  return enabled.attribute('id') ?? '';
}

/** Authenticates on a new connection and asks for resumption. */
async function resume(user: string, id: string, h: number): Promise<RawClient> {
  const client = await core.connect();
  await client.open('localhost');
  const features = await client.authenticate(user, 'secret', 'localhost');
  assert.ok(features.hasChild('sm', SM), features.source);
  client.send(`<resume xmlns='${SM}' previd='${id}' h='${h}'/>`);
  return client;
}

test('XEP-0198 §3: enabling before binding fails with unexpected-request, enabling twice ends the stream', async () => {
  const client = await core.connect();
  await client.open('localhost');
  await client.authenticate('romeo', 'secret', 'localhost');
  client.send(`<enable xmlns='${SM}'/>`);
  await client.expect(
    `<failed xmlns='${SM}'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
  );
  await client.bind('early');
  await enable(client);
  client.send(`<enable xmlns='${SM}'/>`);
  await client.expectStreamError('policy-violation');
});

test('XEP-0198 §4: both sides count stanzas and nothing else', async () => {
  const romeo = await core.online('romeo', 'count');
  await enable(romeo, false);
  romeo.send(`<r xmlns='${SM}'/>`);
  await romeo.expect(`<a xmlns='${SM}' h='0'/>`);
  await romeo.iq('get', "<ping xmlns='urn:xmpp:ping'/>", 'localhost');
  romeo.send(`<message to='mallory@localhost' type='chat'><body>one</body></message><r xmlns='${SM}'/>`);
  // at once with 1 or, once the message is durable, with 2
  await romeo.stanza((stanza) => stanza.name === 'a' && stanza.attribute('h') === '2');
  await romeo.close();
});

test('XEP-0198 §4: an h that is too high ends the stream with handled-count-too-high', async () => {
  const romeo = await core.online('benvolio', 'high');
  await enable(romeo, false);
  romeo.send(`<a xmlns='${SM}' h='9'/>`);
  const error = await romeo.expectStreamError('undefined-condition');
  assert.ok(error.hasChild('handled-count-too-high', SM), error.source);
});

test('XEP-0198 §5: a broken connection loses and doubles nothing, and presence stays', async () => {
  const juliet = await core.online('juliet', 'balcony');
  const id = await enable(juliet);
  const romeo = await core.online('romeo', 'orchard');
  romeo.send("<message to='juliet@localhost/balcony' type='chat' id='a1'><body>1</body></message>");
  await juliet.stanza((stanza) => stanza.id === 'a1');
  romeo.send("<message to='juliet@localhost/balcony' type='chat' id='a2'><body>2</body></message>");
  await juliet.stanza((stanza) => stanza.id === 'a2');
  juliet.cut();
  romeo.send("<message to='juliet@localhost' type='chat' id='a3'><body>3</body></message>");
  await romeo.expectNothing();
  // she has handled only the first
  const again = await resume('juliet', id, 1);
  await again.expect(`<resumed xmlns='${SM}' previd='${id}' h='0'/>`);
  assert.equal((await again.element('message')).id, 'a2');
  assert.equal((await again.element('message')).id, 'a3');
  again.send(`<a xmlns='${SM}' h='3'/>`);
  again.jid = 'juliet@localhost/balcony';
  await again.expectNothing();
  await again.close();
  await romeo.close();
});

test('XEP-0198 §3: a client that prefers a shorter time is kept for that, one that prefers a longer for ours', async () => {
  const told = async (user: string, max: string): Promise<RawClient> => {
    const client = await core.online(user, 'max');
    client.send(`<enable xmlns='${SM}' resume='true' max='${max}'/>`);
    const enabled = await client.stanza((stanza) => stanza.name === 'enabled');
    assert.equal(enabled.attribute('max'), max === '1' ? '1' : '30');
    return client;
  };
  const clients = await Promise.all([told('mallory', '9999'), told('nurse', '0'), told('capulet', 'soon')]);
  const short = await told('romeo', '1');
  const witness = await core.online('romeo', 'witness');
  short.cut();
  // its end is told to the account's other resource
  await witness.stanza((stanza) => stanza.type === 'unavailable' && stanza.from === 'romeo@localhost/max');
  for (const client of [...clients, witness]) await client.close();
});

test('XEP-0198 §5: unknown, foreign and ended sessions are item-not-found, and binding goes on', async () => {
  const juliet = await core.online('nurse', 'chamber');
  const id = await enable(juliet);
  const mallory = await resume('mallory', id, 0);
  await mallory.expect(
    `<failed xmlns='${SM}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
  );
  await mallory.bind('x');
  await juliet.close();
  const again = await resume('nurse', id, 0);
  await again.expect(
    `<failed xmlns='${SM}' h='0'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
  );
  await again.close();
  await mallory.close();
});

test('XEP-0198 §5: resuming while the old stream lives ends that one with conflict', async () => {
  const juliet = await core.online('tybalt', 'twice');
  const id = await enable(juliet);
  const again = await resume('tybalt', id, 0);
  await again.expect(`<resumed xmlns='${SM}' previd='${id}' h='0'/>`);
  await juliet.expectStreamError('conflict');
  again.jid = 'tybalt@localhost/twice';
  await again.ping();
  await again.close();
});

test('XEP-0198 §5, XEP-0352 §5: too high an h ends only the new stream; a resumed client is active', async () => {
  const juliet = await core.online('capulet', 'garden');
  const id = await enable(juliet);
  juliet.send("<inactive xmlns='urn:xmpp:csi:0'/>");
  await juliet.ping();
  juliet.cut();
  const wrong = await resume('capulet', id, 99);
  const error = await wrong.expectStreamError('undefined-condition');
  assert.ok(error.hasChild('handled-count-too-high', SM), error.source);
  const again = await resume('capulet', id, 0);
  await again.stanza((stanza) => stanza.name === 'resumed');
  const romeo = await core.online('romeo', 'orchard');
  romeo.send("<presence to='capulet@localhost/garden'/>");
  // nothing else that would let go what is held
  await again.stanza((stanza) => stanza.name === 'presence' && stanza.from === 'romeo@localhost/orchard');
  await romeo.close();
  again.cut();
});
