import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

const SM = 'urn:xmpp:sm:3';
const CARBONS = 'urn:xmpp:carbons:2';

let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ RESUMPTION_SECONDS: '60', LIMIT_OUTBOUND_BYTES: '64K' });
  await core.addUsers(
    'romeo',
    'juliet',
    'nurse',
    'tybalt',
    'paris',
    'benvolio',
    'mercutio',
    'rosaline',
    'peter',
  );
});
after(() => core.stop());

async function enable(client: RawClient, resume: boolean): Promise<string> {
  client.send(`<enable xmlns='${SM}'${resume ? " resume='true'" : ''}/>`);
  return (await client.stanza((stanza) => stanza.name === 'enabled')).attribute('id') ?? '';
}

/** Bodies of the next `count` messages, in order, but only their first letters: they are long. */
async function bodies(client: RawClient, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const message = await client.stanza((stanza) => stanza.name === 'message');
    found.push((message.element.getChildText('body') ?? '').slice(0, 4).trim());
  }
  return found;
}

async function expectNoMessage(client: RawClient): Promise<void> {
  await client.ping();
  const messages = client.received.filter(
    (each) => each.kind === 'element' && each.stanza.name === 'message',
  );
  assert.deepEqual(messages, []);
}

test('what comes while stored messages are handed over is kept when that session ends', async () => {
  const romeo = await core.online('romeo', 'orchard');
  for (let i = 0; i < 6; i++) {
    romeo.send(
      `<message to='nurse@localhost' type='chat'><body>m${i}   ${'x'.repeat(10_000)}</body></message>`,
    );
  }
  await romeo.expectNothing();
  const nurse = await core.login('nurse', 'chamber');
  await enable(nurse, false);
  nurse.send('<presence/>');
  // more is not read from the store until these are acknowledged
  await bodies(nurse, 1);
  romeo.send("<message to='nurse@localhost' type='chat'><body>live</body></message>");
  await romeo.expectNothing();
  nurse.cut();
  const again = await core.login('nurse', 'chamber');
  again.send('<presence/>');
  const got = await bodies(again, 7);
  assert.deepEqual(got.sort(), ['live', 'm0', 'm1', 'm2', 'm3', 'm4', 'm5']);
  await expectNoMessage(again);
  await again.close();
  await romeo.close();
});

test('XEP-0198 §6: what comes behind stored messages that are not acknowledged is bounded, and kept', async () => {
  const romeo = await core.online('romeo', 'orchard');
  const send = (body: string) =>
    romeo.send(
      `<message to='rosaline@localhost' type='chat'><body>${body}   ${'x'.repeat(10_000)}</body></message>`,
    );
  for (let i = 0; i < 5; i++) send(`m${i}`);
  await romeo.expectNothing();
  const rosaline = await core.login('rosaline', 'ball');
  await enable(rosaline, true);
  rosaline.send('<presence/>');
  await bodies(rosaline, 1);
  for (let i = 0; i < 8; i++) send(`n${i}`);
  const error = await rosaline.stanza((stanza) => stanza.name === 'error');
  assert.ok(error.hasChild('resource-constraint', 'urn:ietf:params:xml:ns:xmpp-streams'), error.source);
  await romeo.expectNothing();
  const again = await core.login('rosaline', 'ball');
  again.send('<presence/>');
  const all = [
    ...Array.from({ length: 5 }, (_, i) => `m${i}`),
    ...Array.from({ length: 8 }, (_, i) => `n${i}`),
  ];
  assert.deepEqual((await bodies(again, 13)).sort(), all);
  await expectNoMessage(again);
  await again.close();
  await romeo.close();
});

test('XEP-0198 §4: what was sent before enabling and is still being stored is no part of the count', async () => {
  const romeo = await core.online('romeo', 'count');
  const message = "<message to='paris@localhost' type='chat'><body>x</body></message>";
  romeo.send(
    `<presence/>${message}${message}<enable xmlns='${SM}'/><r xmlns='${SM}'/>` +
      `<iq type='get' id='p1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq><r xmlns='${SM}'/>`,
  );
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'a')).attribute('h'), '0');
  assert.equal((await romeo.stanza((stanza) => stanza.name === 'a')).attribute('h'), '1');
  await romeo.close();
});

test('XEP-0198 §6: a client that reads but acknowledges nothing is given up, and nothing is lost', async () => {
  const tybalt = await core.online('tybalt', 'street');
  await enable(tybalt, true);
  const romeo = await core.online('romeo', 'orchard');
  for (let i = 10; i < 30; i++) {
    romeo.send(`<message to='tybalt@localhost' type='chat'><body>m${i} ${'x'.repeat(6000)}</body></message>`);
  }
  await tybalt.stanza((stanza) => stanza.name === 'r');
  tybalt.send(`<a xmlns='${SM}' h='0'/>`);
  const error = await tybalt.stanza((stanza) => stanza.name === 'error');
  assert.ok(error.hasChild('resource-constraint', 'urn:ietf:params:xml:ns:xmpp-streams'), error.source);
  await romeo.expectNothing();
  const again = await core.online('tybalt', 'street');
  assert.deepEqual(
    (await bodies(again, 20)).sort(),
    Array.from({ length: 20 }, (_, i) => `m${i + 10}`),
  );
  await expectNoMessage(again);
  await again.close();
  await romeo.close();
});

test('XEP-0198 §6: what waits for a client that is away is bounded; then its session ends, and nothing is lost', async () => {
  const peter = await core.online('peter', 'street');
  const id = await enable(peter, true);
  assert.match(id, /^[\w-]{32}$/);
  peter.cut();
  const romeo = await core.online('romeo', 'orchard');
  for (let i = 10; i < 30; i++) {
    romeo.send(`<message to='peter@localhost' type='chat'><body>m${i} ${'x'.repeat(6000)}</body></message>`);
  }
  await romeo.expectNothing();
  const again = await core.connect();
  await again.open('localhost');
  await again.authenticate('peter', 'secret', 'localhost');
  again.send(`<resume xmlns='${SM}' previd='${id}' h='0'/>`);
  assert.ok(
    (await again.element('failed')).hasChild('item-not-found', 'urn:ietf:params:xml:ns:xmpp-stanzas'),
  );
  await again.bind('street');
  again.send('<presence/>');
  assert.deepEqual(
    (await bodies(again, 20)).sort(),
    Array.from({ length: 20 }, (_, i) => `m${i + 10}`),
  );
  await expectNoMessage(again);
  await again.close();
  await romeo.close();
});

test('XEP-0280 §10: a copy that was not acknowledged is neither stored nor refused', async () => {
  const phone = await core.online('juliet', 'phone');
  const desk = await core.online('juliet', 'desk');
  await desk.iq('set', `<enable xmlns='${CARBONS}'/>`);
  await enable(desk, false);
  const romeo = await core.online('romeo', 'orchard');
  romeo.send("<message to='juliet@localhost/phone' type='chat' id='once'><body>once</body></message>");
  await phone.stanza((stanza) => stanza.id === 'once');
  await desk.stanza((stanza) => stanza.hasChild('received', CARBONS));
  desk.cut();
  await phone.stanza((stanza) => stanza.name === 'presence' && stanza.type === 'unavailable');
  const again = await core.login('juliet', 'desk');
  again.send('<presence/>');
  await again.ping();
  await phone.ping();
  await expectNoMessage(again);
  await romeo.expectNothing();
  for (const client of [again, phone, romeo]) await client.close();
});

test('RFC 6121 §8.5.3.2.1: a chat message for a resource that is gone reaches the one that is there', async () => {
  const phone = await core.online('benvolio', 'phone');
  await enable(phone, false);
  const romeo = await core.online('romeo', 'orchard');
  const desk = await core.online('benvolio', 'desk');
  romeo.send("<message to='benvolio@localhost/phone' type='chat' id='d1'><body>x</body></message>");
  await phone.stanza((stanza) => stanza.id === 'd1');
  await expectNoMessage(desk);
  phone.cut();
  await desk.stanza((stanza) => stanza.id === 'd1');
  await desk.close();
  await romeo.close();
});

test('a core that stops stores what sessions waiting for their clients have not got', async () => {
  const mercutio = await core.online('mercutio', 'street');
  await enable(mercutio, true);
  mercutio.cut();
  const romeo = await core.online('romeo', 'orchard');
  await enable(romeo, false);
  romeo.send("<message to='mercutio@localhost' type='chat'><body>kept</body></message>");
  romeo.send(`<r xmlns='${SM}'/>`);
  await romeo.stanza((stanza) => stanza.name === 'a' && stanza.attribute('h') === '1');
  romeo.cut();
  await core.restart();
  const again = await core.login('mercutio', 'street');
  again.send('<presence/>');
  assert.deepEqual(await bodies(again, 1), ['kept']);
  await again.close();
});

test('RFC 6121 §8.5.1: what a removed account has not got goes back to its sender, not to the next of its name', async () => {
  await core.addUsers('laurence');
  const laurence = await core.online('laurence', 'cell');
  await enable(laurence, true);
  const romeo = await core.online('romeo', 'orchard');
  for (const id of ['m0', 'm1', 'm2']) {
    romeo.send(`<message to='laurence@localhost/cell' type='chat' id='${id}'><body>${id}</body></message>`);
    await laurence.stanza((stanza) => stanza.id === id);
  }
  await core.control('user.remove', { jid: 'laurence@localhost', force: true });
  await core.addUsers('laurence');
  for (const id of ['m0', 'm1', 'm2']) {
    const refusal = await romeo.stanza((stanza) => stanza.name === 'message');
    assert.deepEqual([refusal.id, refusal.type], [id, 'error']);
    assert.ok(refusal.source.includes('<service-unavailable'), refusal.source);
  }
  const next = await core.online('laurence', 'cell');
  await expectNoMessage(next);
  await next.close();
  await romeo.close();
});
