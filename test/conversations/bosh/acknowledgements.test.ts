import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Attributes, BoshClient, message } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';

// XEP-0124 §"Acknowledgements", and what the upstream learns of them (docs/protocols/client-link.md §7).

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 30, polling: 0, reportAfter: 0 });
});
after(() => bosh.stop());

const session = (attributes?: Attributes) => bosh.session(attributes);

const say = (id: string) => `<message xmlns='jabber:client' id='${id}'/>`;

test('a client that acknowledges is acknowledged', async () => {
  const { client, created } = await session({ ack: 1, hold: 1 });
  assert.equal(created.body.attrs['ack'], String(client.rid - 1), 'the rid of the creation request');
  const first = client.send();
  const second = client.send({ ack: client.rid - 2 }, message('m1'));
  // The first is answered since a second came: all up to the second have been received.
  assert.equal((await first).body.attrs['ack'], String(client.rid - 1));
  bosh.upstream.last.say(say('x'));
  assert.equal((await second).body.attrs['ack'], undefined, 'it would be the rid that is answered');
});

test('a client that does not acknowledge gets no ack', async () => {
  const { client } = await session({ hold: 1 });
  const first = client.send();
  const second = client.send({}, message('m1'));
  assert.equal((await first).body.attrs['ack'], undefined);
  bosh.upstream.last.say(say('x'));
  await second;
});

test('a response that the client misses is reported to it', async () => {
  const { client, stream } = await session({ ack: 1, hold: 1 });
  const lost = client.send();
  stream.say(say('lost'));
  await lost;
  const lostRid = client.rid - 1;
  // The client has the creation's response, and not the one after it.
  const { body } = await client.send({ ack: lostRid - 1 });
  assert.equal(body.attrs['report'], String(lostRid));
  assert.match(body.attrs['time'] ?? '', /^\d+$/);
});

test('a client that has everything leaves ack out, and is not told anything', async () => {
  const { client, stream } = await session({ ack: 1, hold: 1 });
  const one = client.send();
  stream.say(say('one'));
  await one;
  const next = client.send();
  let answered = false;
  next.then(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(answered, false, 'held as usual');
  stream.say(say('two'));
  assert.equal((await next).body.attrs['report'], undefined);
});

test('the upstream learns what the client acknowledged', async () => {
  const { client, stream } = await session({ ack: 1, hold: 1 });
  // Element 1 was the features, in the creation's response.
  const one = client.send();
  await stream.until(() => stream.acknowledgedCount === 1);
  stream.say(say('two'));
  await one;
  assert.equal(stream.acknowledgedCount, 1);
  const next = client.send({ ack: client.rid - 1 });
  await stream.until(() => stream.acknowledgedCount === 2);
  stream.say(say('three'));
  await next;
});

test('without acknowledgements a request with payloads shows that all but the last `requests` were seen', async () => {
  const { client, stream } = await session({ hold: 1 });
  for (let i = 0; i < 3; i++) {
    const answer = client.send({}, message(`m${i}`));
    await stream.until(() => stream.sent.length === i + 1);
    stream.say(say(`${i}`));
    await answer;
  }
  // Elements: the features, then one in each of three responses. The third request shows that the first was answered.
  assert.equal(stream.acknowledgedCount, 2);
});

test('without acknowledgements an empty request shows that all but the last `hold` were seen', async () => {
  const { client, stream } = await session({ hold: 1 });
  for (let i = 0; i < 3; i++) {
    const answer = client.send();
    stream.say(say(`${i}`));
    await answer;
  }
  assert.equal(stream.acknowledgedCount, 3);
});

test('bytes are free for more when the connection has taken them', async () => {
  const { client, stream } = await session({ hold: 1 });
  const before = stream.takenBytes;
  const answer = client.send();
  stream.say(say('counted'));
  await answer;
  await stream.until(() => stream.takenBytes === before + say('counted').length);
});

test('what nobody fetched is not acknowledged when the session ends', async () => {
  const quick = await startBosh({ inactivity: 1 });
  const client = new BoshClient(quick.port);
  await client.create();
  const stream = quick.upstream.last;
  stream.say(say('never fetched'));
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost');
  assert.equal(stream.acknowledgedCount, 0, 'nor the features: no request came after them');
  await quick.stop();
});

test('a client that terminates has got what it was sent, and not what waits', async () => {
  const { client, stream } = await session({ hold: 1 });
  const answer = client.send();
  stream.say(say('got'));
  await answer;
  stream.say(say('waits'));
  const end = await client.send({ type: 'terminate' });
  assert.equal(end.body.children.length, 0);
  assert.equal(stream.acknowledgedCount, 2);
});
