import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Attributes, assertTerminal, BoshClient, message, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';

// XEP-0124 §"Inactivity", §"Overactivity" and §"Polling Sessions".

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 30, inactivity: 1, polling: 30, maxpause: 3 });
});
after(() => bosh.stop());

const session = (attributes?: Attributes) => bosh.session(attributes);

test('without a request for longer than `inactivity` the session is gone', async () => {
  const { client, stream } = await session();
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost');
  assertTerminal(await client.send(), 'item-not-found');
});

test('a request that is held keeps the session; one whose connection broke does not', async () => {
  const { client, stream } = await session();
  const broken = new AbortController();
  const held = client.send({}, '', { signal: broken.signal });
  held.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  assert.equal(stream.closedBy, undefined);
  broken.abort();
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost');
});

test('what the server sends meanwhile does not lengthen the time', async () => {
  const { client, stream } = await session();
  const news = setInterval(() => stream.say("<message xmlns='jabber:client'/>"), 200);
  const gone = stream.until(() => stream.closedBy !== undefined);
  try {
    const late = new Promise((_, reject) => setTimeout(reject, 10_000, new Error('still there')).unref());
    await Promise.race([gone, late]);
  } finally {
    clearInterval(news);
  }
  assert.equal(stream.closedBy, 'connection-lost');
  assertTerminal(await client.send(), 'item-not-found');
});

test('a creation whose connection broke leaves no session behind', async () => {
  bosh.upstream.automatic = false;
  const before = bosh.upstream.streams.length;
  const broken = new AbortController();
  const client = new BoshClient(bosh.port);
  client.create({}, { signal: broken.signal }).catch(() => undefined);
  while (bosh.upstream.streams.length === before) await new Promise(setImmediate);
  broken.abort();
  const stream = bosh.upstream.last;
  await stream.until(() => stream.closedBy !== undefined);
  bosh.upstream.automatic = true;
});

test('a pause answers everything at once, itself without payloads, and lengthens the time', async () => {
  const { client, stream } = await session();
  const held = client.send();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const pause = client.send({ pause: 3 });
  assert.equal((await held).text, "<body xmlns='http://jabber.org/protocol/httpbind'/>");
  assert.equal((await pause).text, "<body xmlns='http://jabber.org/protocol/httpbind'/>");
  stream.say("<message xmlns='jabber:client' id='while paused'/>");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal(stream.closedBy, undefined, 'longer than the normal inactivity');
  assert.equal((await client.send()).body.getChild('message')?.attrs['id'], 'while paused');
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost', 'after the next request the normal time counts again');
});

test('the response to a pause carries no payloads, though some wait', async () => {
  const { client, stream } = await session();
  stream.say("<message xmlns='jabber:client' id='waiting'/>");
  const { body } = await client.send({ pause: 2 });
  assert.equal(body.children.length, 0);
  assert.equal((await client.send()).body.getChild('message')?.attrs['id'], 'waiting');
});

test('a lost response to a pause is repeated too', async () => {
  const { client } = await session();
  const text = client.text({ pause: 2 });
  const first = await post(bosh.port, text);
  assert.equal((await post(bosh.port, text)).text, first.text);
});

test('a pause longer than allowed, or where none is offered, is policy-violation', async () => {
  const { client } = await session();
  assertTerminal(await client.send({ pause: 4 }), 'policy-violation');
  const without = await startBosh({ maxpause: 0 });
  const other = new BoshClient(without.port);
  assert.equal((await other.create()).body.attrs['maxpause'], undefined);
  assertTerminal(await other.send({ pause: 1 }), 'policy-violation');
  await without.stop();
});

test('more simultaneous requests than `requests` are policy-violation, and the others hear of it', async () => {
  const { client, stream } = await session({ hold: 2 });
  stream.accepts = false;
  const waiting = [
    client.send({}, message('1')),
    client.send({}, message('2')),
    client.send({}, message('3')),
  ];
  await stream.until(() => stream.sent.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertTerminal(await client.send({}, message('4')), 'policy-violation');
  for (const one of waiting) assertTerminal(await one, 'other-request');
});

test('one more request is allowed to pause or to terminate', async () => {
  const { client, stream } = await session({ hold: 1 });
  stream.accepts = false;
  const first = client.send({}, message('1'));
  await stream.until(() => stream.sent.length === 1);
  const second = client.send({}, message('2'));
  const last = client.send({ type: 'terminate' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  stream.resume();
  assert.equal((await first).body.attrs['condition'], undefined);
  assert.equal((await second).body.attrs['condition'], undefined);
  assert.equal((await last).body.attrs['condition'], undefined);
  assert.equal(stream.closedBy, 'closed');
});

test('an empty request that fills the window within the polling interval is policy-violation', async () => {
  const { client } = await session({ hold: 1 });
  const held = client.send();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertTerminal(await client.send(), 'policy-violation');
  assertTerminal(await held, 'other-request');
});

test('a request with payloads may come at any time', async () => {
  const { client, stream } = await session({ hold: 1 });
  const first = client.send();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = client.send({}, message('1'));
  assert.equal((await first).body.attrs['type'], undefined);
  stream.say("<message xmlns='jabber:client'/>");
  assert.equal((await second).body.attrs['type'], undefined);
});

test('polling: a longer inactivity, and two empty requests too close to each other are policy-violation', async () => {
  const { client } = await session({ hold: 0 });
  const created = new BoshClient(bosh.port);
  const { body } = await created.create({ wait: 0 });
  assert.ok(Number(body.attrs['inactivity']) > 1 + 30, 'longer by more than the polling interval');
  assert.equal((await client.send()).body.attrs['type'], undefined);
  assertTerminal(await client.send(), 'policy-violation');
});

test('polling: after a response with payloads the client may ask again at once', async () => {
  const { client, stream } = await session({ wait: 0 });
  stream.say("<message xmlns='jabber:client' id='1'/>");
  assert.ok((await client.send()).body.getChild('message'));
  assert.equal((await client.send()).body.attrs['type'], undefined);
  assertTerminal(await client.send(), 'policy-violation');
});

test('polling: requests with payloads, pauses and ends are never too frequent', async () => {
  const { client, stream } = await session({ wait: 0 });
  assert.equal((await client.send()).body.attrs['type'], undefined);
  assert.equal((await client.send({}, message('1'))).body.attrs['type'], undefined);
  assert.equal((await client.send({ pause: 3 })).body.attrs['condition'], undefined);
  assert.equal((await client.send({ type: 'terminate' })).body.attrs['condition'], undefined);
  assert.equal(stream.closedBy, 'closed');
});
