import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { BoshClient, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';

// XEP-0124 §"Protecting Insecure Sessions".

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ polling: 0 });
});
after(() => bosh.stop());

/** K(1) … K(n). */
function sequence(seed: string, length: number): string[] {
  const keys: string[] = [];
  let value = seed;
  for (let i = 0; i < length; i++) {
    value = createHash('sha1').update(value).digest('hex');
    keys.push(value);
  }
  return keys;
}

const session = (keys: string[]) => bosh.session({ wait: 0, newkey: keys.pop() });

test('each request shows the key before the last one', async () => {
  const keys = sequence('seed', 5);
  const { client } = await session(keys);
  while (keys.length > 0) {
    const { body } = await client.send({ key: keys.pop() });
    assert.equal(body.attrs['type'], undefined);
  }
});

test('what the server said last is for who has the key', async () => {
  const keys = sequence('seed', 3);
  const { client, stream } = await session(keys);
  stream.say("<message xmlns='jabber:client'><body>secret</body></message>");
  stream.end();
  const { rid } = client;
  const { body: theirs } = await post(
    bosh.port,
    `<body rid='${rid}' sid='${client.sid}' key='${keys[0]}' xmlns='http://jabber.org/protocol/httpbind'/>`,
  );
  assert.equal(theirs.attrs['condition'], 'item-not-found');
  assert.equal(stream.acknowledgedCount, 0);
  const { body } = await client.send({ key: keys.pop() });
  assert.match(body.toString(), /secret/);
});

test('case is not significant', async () => {
  const keys = sequence('seed', 3);
  const { client } = await session(keys.map((key, k) => (k === 2 ? key.toUpperCase() : key)));
  const { body } = await client.send({ key: keys[1]?.toUpperCase() });
  assert.equal(body.attrs['type'], undefined);
});

test('a wrong key, a key out of order, none, or no key at all ends the session', async () => {
  const wrong = ['0'.repeat(40), sequence('seed', 1)[0], '', undefined, 'not a key'];
  for (const key of wrong) {
    const { client, stream } = await session(sequence('seed', 4));
    const { body } = await client.send({ key }, "<presence xmlns='jabber:client'/>");
    assert.equal(body.attrs['condition'], 'item-not-found', String(key));
    assert.deepEqual(stream.sent, [], 'MUST NOT be processed');
    assert.ok(stream.closedBy);
  }
});

test('a client may switch to another sequence', async () => {
  const first = sequence('one', 2);
  const second = sequence('two', 3);
  const { client } = await session(first);
  assert.equal((await client.send({ key: first.pop(), newkey: second.pop() })).body.attrs['type'], undefined);
  assert.equal((await client.send({ key: second.pop() })).body.attrs['type'], undefined);
  assert.equal((await client.send({ key: second.pop() })).body.attrs['type'], undefined);
});

test('a copy of a request needs the same key', async () => {
  const keys = sequence('seed', 4);
  const { client } = await session(keys);
  const key = keys.pop();
  const rid = client.rid;
  const { text } = await client.send({ key });
  assert.equal((await post(bosh.port, client.text({ rid, key }))).text, text);
  const stolen = await post(bosh.port, client.text({ rid }));
  assert.equal(stolen.body.attrs['condition'], 'item-not-found');
});

test('a newkey that cannot be one is refused', async () => {
  const { body } = await new BoshClient(bosh.port).create({ newkey: 'short' });
  assert.equal(body.attrs['condition'], 'bad-request');
});

test('a session without newkey needs no key', async () => {
  const client = new BoshClient(bosh.port);
  await client.create({ wait: 0 });
  assert.equal((await client.send()).body.attrs['type'], undefined);
});
