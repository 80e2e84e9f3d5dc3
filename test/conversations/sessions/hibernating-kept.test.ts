import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import type { RawClient } from '../../tools/raw-client.js';

// What is sent to a session that has lost its stream and may be resumed: acknowledged to its sender, so it must outlive the core.

const SM = 'urn:xmpp:sm:3';

async function managed(
  core: CoreUnderTest,
  user: string,
  resource: string,
  online = true,
): Promise<[RawClient, string]> {
  const client = online ? await core.online(user, resource) : await core.login(user, resource);
  client.send(`<enable xmlns='${SM}' resume='true'/>`);
  const enabled = await client.stanza((stanza) => stanza.name === 'enabled');
  return [client, enabled.attribute('id') ?? ''];
}

/** Sends so many and waits until all are acknowledged. */
async function sendAcknowledged(
  sender: RawClient,
  to: string,
  ids: readonly string[],
  before = 0,
): Promise<void> {
  for (const id of ids)
    sender.send(`<message to='${to}' type='chat' id='${id}'><body>${id}</body></message>`);
  for (;;) {
    sender.send(`<r xmlns='${SM}'/>`);
    const { source } = await sender.stanza((stanza) => stanza.name === 'a');
    if (Number(/h='(\d+)'/.exec(source)?.[1]) >= before + ids.length) return;
  }
}

async function resume(core: CoreUnderTest, user: string, previous: string, h: number): Promise<RawClient> {
  const client = await core.connect();
  await client.open('localhost');
  await client.authenticate(user, 'secret', 'localhost');
  client.send(`<resume xmlns='${SM}' previd='${previous}' h='${h}'/>`);
  await client.stanza((stanza) => stanza.name === 'resumed');
  return client;
}

/** The ids of the messages that come to a client, up to this one. */
async function idsUntil(client: RawClient, last: string): Promise<string[]> {
  const ids: string[] = [];
  while (ids.at(-1) !== last) {
    const message = await client.stanza((stanza) => stanza.name === 'message');
    ids.push(message.id ?? '');
  }
  return ids;
}

/** A core with Romeo at it, who is told of what is acknowledged. */
async function verona(t: TestContext): Promise<{ core: CoreUnderTest; romeo: RawClient }> {
  const core = await CoreUnderTest.start();
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const [romeo] = await managed(core, 'romeo', 'orchard');
  return { core, romeo };
}

/**
 * The same with Juliet, who has been handed the first hundred of so many stored messages: no more are before she
 * acknowledges them, and what comes meanwhile waits behind.
 */
async function givenStored(t: TestContext, count: number) {
  const { core, romeo } = await verona(t);
  const stored = Array.from({ length: count }, (_, k) => `s${k}`);
  await sendAcknowledged(romeo, 'juliet@localhost', stored);
  const [juliet, previous] = await managed(core, 'juliet', 'phone', false);
  juliet.send('<presence/>');
  await juliet.stanza((stanza) => stanza.id === 's99');
  return { core, romeo, juliet, previous, stored };
}

async function hibernating(core: CoreUnderTest): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (core.process.output.includes('c2s.hibernating')) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.fail('the session does not hibernate');
}

test('kill -9: what waited for a session without a stream is there at the next log-in, once', async (t) => {
  const core = await CoreUnderTest.start();
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const [juliet] = await managed(core, 'juliet', 'phone');
  const [romeo] = await managed(core, 'romeo', 'orchard');
  // two arrive and are not acknowledged, three come when she is gone
  await sendAcknowledged(romeo, 'juliet@localhost/phone', ['m1', 'm2']);
  await juliet.stanza((stanza) => stanza.id === 'm2');
  juliet.cut();
  await hibernating(core);
  await sendAcknowledged(romeo, 'juliet@localhost/phone', ['m3', 'm4'], 2);
  await sendAcknowledged(romeo, 'juliet@localhost', ['m5'], 4);
  await core.restart('SIGKILL');
  const writer = await core.login('romeo', 'other');
  const back = await core.online('juliet', 'phone');
  writer.send("<message to='juliet@localhost/phone' type='chat' id='end'><body>end</body></message>");
  assert.deepEqual(await idsUntil(back, 'end'), ['m1', 'm2', 'm3', 'm4', 'm5', 'end']);
  await back.close();
  const again = await core.online('juliet', 'phone');
  writer.send("<message to='juliet@localhost/phone' type='chat' id='end2'><body>end</body></message>");
  assert.deepEqual(await idsUntil(again, 'end2'), ['end2']);
});

test('kill -9: so it is where the store is full; when nobody comes back, what is too much goes back to its sender', async (t) => {
  const core = await CoreUnderTest.start({ LIMIT_OFFLINE_MESSAGES: '2', RESUMPTION_SECONDS: '2' });
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const [juliet] = await managed(core, 'juliet', 'phone');
  const [romeo] = await managed(core, 'romeo', 'orchard');
  juliet.cut();
  await hibernating(core);
  await sendAcknowledged(romeo, 'juliet@localhost/phone', ['m1', 'm2', 'm3', 'm4', 'm5']);
  await core.restart('SIGKILL');
  const back = await core.online('juliet', 'phone');
  assert.deepEqual(await idsUntil(back, 'm5'), ['m1', 'm2', 'm3', 'm4', 'm5']);
  await back.close();

  const [phone] = await managed(core, 'juliet', 'phone');
  const writer = await core.online('romeo', 'other');
  phone.cut();
  await hibernating(core);
  for (const id of ['n1', 'n2', 'n3', 'n4'])
    writer.send(`<message to='juliet@localhost/phone' type='chat' id='${id}'><body>x</body></message>`);
  const refused = new Set<string | undefined>();
  while (refused.size < 2) refused.add((await writer.stanza((stanza) => stanza.type === 'error')).id);
  assert.deepEqual(refused, new Set(['n3', 'n4']));
  const again = await core.online('juliet', 'phone');
  assert.deepEqual(await idsUntil(again, 'n2'), ['n1', 'n2']);
  await again.close();
});

test('a session that is resumed gets them once; nothing stays stored, and no other resource has them', async (t) => {
  const core = await CoreUnderTest.start();
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const [juliet, previous] = await managed(core, 'juliet', 'phone');
  const [romeo] = await managed(core, 'romeo', 'orchard');
  juliet.cut();
  await hibernating(core);
  await sendAcknowledged(romeo, 'juliet@localhost/phone', ['m1', 'm2', 'm3']);
  const desktop = await core.online('juliet', 'desktop');
  await desktop.ping();
  assert.ok(!desktop.transcript.includes('<body>m'), 'they are not for this resource');
  const back = await resume(core, 'juliet', previous, 0);
  assert.deepEqual(await idsUntil(back, 'm3'), ['m1', 'm2', 'm3']);
  back.send(`<a xmlns='${SM}' h='${await countOf(back)}'/>`);
  await back.ping();
  await back.close();
  await desktop.close();
  // in order: what a receipt has just released may still be on its way out of the store when the core is killed
  await core.restart();
  const later = await core.online('juliet', 'phone');
  const writer = await core.login('romeo', 'other');
  writer.send("<message to='juliet@localhost/phone' type='chat' id='end'><body>end</body></message>");
  assert.deepEqual(await idsUntil(later, 'end'), ['end']);
});

/** The stanzas that the resumed stream has brought, and the presence that waited with them. */
async function countOf(client: RawClient): Promise<number> {
  await client.ping();
  return (
    client.transcript.slice(client.transcript.indexOf('<resumed')).match(/<(message|presence|iq)[ >]/g)
      ?.length ?? 0
  );
}

test('one that is given up leaves them stored for the next', async (t) => {
  const core = await CoreUnderTest.start({ RESUMPTION_SECONDS: '1' });
  t.after(() => core.stop());
  await core.addUsers('romeo', 'juliet');
  const [juliet] = await managed(core, 'juliet', 'phone');
  const [romeo] = await managed(core, 'romeo', 'orchard');
  juliet.cut();
  await hibernating(core);
  await sendAcknowledged(romeo, 'juliet@localhost/phone', ['m1', 'm2']);
  const desktop = await core.online('juliet', 'desktop');
  // addressed to the other resource, which does not come back: they are offered to who is there
  assert.deepEqual(await idsUntil(desktop, 'm2'), ['m1', 'm2']);
});

test('one that waits behind stored messages, and is never acknowledged, is stored again', async (t) => {
  const { core, romeo, juliet, previous, stored } = await givenStored(t, 120);
  const received = juliet.transcript.slice(juliet.transcript.indexOf('<enabled'));
  juliet.cut();
  await hibernating(core);
  await sendAcknowledged(romeo, 'juliet@localhost', ['behind'], stored.length);
  const h = received.match(/<(message|presence|iq)[ >]/g)?.length ?? 0;
  const back = await resume(core, 'juliet', previous, h);
  assert.equal((await idsUntil(back, 'behind')).at(-2), 's119');
  // it leaves without having acknowledged these
  await back.close();
  const later = await core.online('juliet', 'phone');
  romeo.send("<message to='juliet@localhost/phone' type='chat' id='end'><body>end</body></message>");
  assert.deepEqual((await idsUntil(later, 'end')).slice(-3), ['s119', 'behind', 'end']);
});

test('kill -9: what waited behind stored messages when the stream was lost is there, too, behind them, once', async (t) => {
  const { core, romeo, juliet, stored } = await givenStored(t, 120);
  await sendAcknowledged(romeo, 'juliet@localhost', ['before'], stored.length);
  juliet.cut();
  await hibernating(core);
  await sendAcknowledged(romeo, 'juliet@localhost', ['after'], stored.length + 1);
  await core.restart('SIGKILL');
  const back = await core.online('juliet', 'phone');
  assert.deepEqual(await idsUntil(back, 'after'), [...stored, 'before', 'after']);
});

test('kill -9: so is what waits behind stored messages for a client that is there, but slow', async (t) => {
  const { core, romeo, juliet, stored } = await givenStored(t, 220);
  await sendAcknowledged(romeo, 'juliet@localhost', ['m1'], stored.length);
  // her presence and the first of them; more are read
  juliet.send(`<a xmlns='${SM}' h='101'/>`);
  await juliet.stanza((stanza) => stanza.id === 's199');
  await sendAcknowledged(romeo, 'juliet@localhost', ['m2'], stored.length + 1);
  await core.restart('SIGKILL');
  const back = await core.online('juliet', 'phone');
  assert.deepEqual(await idsUntil(back, 'm2'), [...stored.slice(100), 'm1', 'm2']);
});
