import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { defaultLimits } from '../../../components/bosh/session/limits.js';
import { type Attributes, BoshClient, message, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';

// XEP-0124 at its edges: numbers at their bounds, several rules at once, what a client should not do but may.

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 10, polling: 0, stanzaBytes: 20_000, bodyBytes: 30_000 });
});
after(() => bosh.stop());

const session = (attributes?: Attributes) => bosh.session(attributes);

/** Until so many requests of the session are open. */
async function open(client: BoshClient, count: number): Promise<void> {
  const deadline = performance.now() + 8_000;
  while (bosh.sessions.find(client.sid ?? '')?.heldCount !== count) {
    assert.ok(performance.now() < deadline, 'the requests did not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const largest = 9_007_199_254_740_991;

test('§"Request IDs": any number beyond the window is item-not-found, however large', async () => {
  for (const rid of [`${largest}`, `${largest + 1}`, '99999999999999999999', `1${'0'.repeat(400)}`]) {
    const { client, stream } = await session();
    const { body } = await client.send({ rid });
    assert.equal(body.attrs['condition'], 'item-not-found', rid);
    assert.equal(stream.closedBy, 'connection-lost');
  }
});

test('§"Request IDs": a first rid that leaves no room is refused, one that does is taken', async () => {
  for (const rid of [`${largest}`, '99999999999999999999', '0', '-1', '1.5', '1e5', ' 5', '']) {
    assert.equal(
      (await new BoshClient(bosh.port).create({ rid })).body.attrs['condition'],
      'bad-request',
      rid,
    );
  }
  const client = new BoshClient(bosh.port, largest - 2_000_000);
  await client.create({ wait: 0 });
  assert.equal((await client.send({}, message('1'))).body.attrs['type'], undefined);
  assert.equal(bosh.upstream.last.sent.length, 1);
});

test('§"Broken Connections": of a request that is sent again with another body, only the first counts', async () => {
  const { client, stream } = await session();
  const { rid } = client;
  const first = client.send({}, message('first'));
  await stream.until(() => stream.sent.length === 1);
  const again = client.send({ rid }, message('other'));
  assert.equal((await first).body.attrs['type'], 'error', 'recoverable: the copy takes its place');
  stream.say(message('answer'));
  const answer = await again;
  assert.match(answer.text, /answer/);
  const ended = await client.send({ rid, type: 'terminate' }, message('third'));
  assert.equal(ended.text, answer.text, 'and so after the response');
  assert.equal(stream.sent.length, 1);
  assert.equal(stream.closedBy, undefined, 'a repeated rid does not terminate');
});

test('§"Inactivity": a pause that comes before its predecessor waits for it, then all are answered', async () => {
  const { client, stream } = await session();
  const [first, second, third] = [client.text(), client.text({}, message('m')), client.text({ pause: 60 })];
  const held = post(bosh.port, first);
  const pause = post(bosh.port, third);
  await open(client, 2);
  const payload = post(bosh.port, second);
  for (const answer of await Promise.all([held, payload, pause])) {
    assert.equal(answer.body.attrs['type'], undefined);
    assert.equal(answer.body.children.length, 0);
  }
  assert.equal(stream.sent.length, 1);
  // The session goes on, and a lost answer to the pause is repeated.
  stream.say(message('later'));
  assert.match((await client.send()).text, /later/);
});

test('§"Inactivity": payloads in a pause go to the server, and a pause that is no number is none', async () => {
  const { client, stream } = await session();
  const { body } = await client.send({ pause: 60 }, message('with the pause'));
  assert.equal(body.attrs['type'], undefined);
  assert.match(stream.sent[0] ?? '', /with the pause/);
  assert.equal((await client.send({ pause: 'soon' })).body.attrs['condition'], 'policy-violation');
});

test("`hold='0'`: nothing is ever held, the creation neither", async () => {
  // So long that nobody would wait for it here.
  const patient = await startBosh({ wait: 60, creation: 60, polling: 0 });
  patient.upstream.automatic = false;
  const client = new BoshClient(patient.port);
  const { body } = await client.create({ hold: 0, wait: 60 });
  assert.deepEqual([body.attrs['hold'], body.attrs['requests'], body.attrs['wait']], ['0', '1', '60']);
  const stream = patient.upstream.last;
  stream.opened();
  stream.say("<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>");
  const next = await client.send();
  assert.match(next.text, /<stream:features/);
  assert.equal(next.body.attrs['from'], 'example.com');
  assert.equal((await client.send({}, message('m'))).body.children.length, 0);
  await patient.stop();
});

test('`wait` and `hold` are capped, whatever number a client says', async () => {
  const client = new BoshClient(bosh.port);
  const { body } = await client.create({ wait: '99999999999999999999', hold: '4294967296' });
  assert.deepEqual([body.attrs['wait'], body.attrs['hold'], body.attrs['requests']], ['10', '4', '5']);
  await client.send({ type: 'terminate' });
});

test('a client of two connections that asks for two held requests has one of them free', async () => {
  const usual = await startBosh({ hold: defaultLimits.hold, wait: 30 });
  const client = new BoshClient(usual.port);
  const { body } = await client.create({ hold: 2 });
  assert.deepEqual([body.attrs['hold'], body.attrs['requests']], ['1', '2']);
  const first = client.send({}, message('a'));
  const second = client.send({}, message('b'));
  assert.equal((await first).body.children.length, 0);
  const third = client.send({}, message('c'));
  assert.equal((await second).body.children.length, 0);
  usual.upstream.last.say(message('d'));
  assert.match((await third).text, /id='d'/);
  await usual.stop();
});

test("`wait='0'`: a request whose predecessor does not come is given back too", async () => {
  const { client, stream } = await session({ wait: 0, hold: 1 });
  const missing = client.text({}, message('1'));
  const early = client.text({}, message('2'));
  const { body } = await post(bosh.port, early);
  assert.equal(body.attrs['type'], 'error');
  await post(bosh.port, missing);
  await post(bosh.port, early);
  assert.deepEqual(
    stream.sent.map((text) => /id='(\d)'/.exec(text)?.[1]),
    ['1', '2'],
  );
});

test('what waits for a missing request is bounded: the surplus is given back, and taken later', async () => {
  const { client, stream } = await session({ hold: 3, wait: 10 });
  const big = (id: string) => client.text({}, message(id, 'x'.repeat(15_000)));
  const [missing, second, third, fourth] = [big('1'), big('2'), big('3'), big('4')];
  const waiting = post(bosh.port, second);
  await open(client, 1);
  const surplus = [await post(bosh.port, third), await post(bosh.port, fourth)];
  assert.deepEqual(
    surplus.map(({ body }) => body.attrs['type']),
    ['error', 'error'],
  );
  const first = post(bosh.port, missing);
  await stream.until(() => stream.sent.length === 2);
  const rest = [post(bosh.port, third), post(bosh.port, fourth)];
  await stream.until(() => stream.sent.length === 4);
  assert.deepEqual(
    stream.sent.map((text) => /id='(\d)'/.exec(text)?.[1]),
    ['1', '2', '3', '4'],
  );
  await client.send({ type: 'terminate' });
  await Promise.all([waiting, first, ...rest]);
});

test('§"Switching to Another Key Sequence": keys may also begin in the middle of a session', async () => {
  const { client, stream } = await session({ wait: 0 });
  const hash = (text: string) => createHash('sha1').update(text).digest('hex');
  const keys = ['seed'];
  for (let i = 1; i < 5; i++) keys[i] = hash(keys[i - 1] ?? '');
  await client.send({ newkey: keys[4] });
  await client.send({ key: keys[3] }, message('right'));
  assert.equal(stream.sent.length, 1);
  const { body } = await client.send({}, message('without'));
  assert.equal(body.attrs['condition'], 'item-not-found');
  assert.equal(stream.sent.length, 1);
});

test('§"Terminating": the oldest connection that is still there hears of it', async () => {
  const { client, stream } = await session({ hold: 3 });
  const gone = new AbortController();
  const broken = client.send({}, message('1'), { signal: gone.signal }).catch(() => 'broken');
  await stream.until(() => stream.sent.length === 1);
  const second = client.send({}, message('2'));
  await stream.until(() => stream.sent.length === 2);
  gone.abort();
  assert.equal(await broken, 'broken');
  await new Promise((resolve) => setTimeout(resolve, 250));
  const last = client.send({ type: 'terminate' }, message('bye'));
  assert.equal((await second).body.attrs['type'], 'terminate');
  assert.equal((await last).body.attrs['type'], undefined);
  assert.match(stream.sent[2] ?? '', /bye/);
});

test('a stream error and the end of the stream, apart from each other, are one answer', async () => {
  const { client, stream } = await session();
  const held = client.send();
  await open(client, 1);
  stream.say(message('last words'));
  stream.say(
    "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  stream.end();
  const { text, body } = await held;
  assert.equal(body.attrs['condition'], 'remote-stream-error');
  assert.match(text, /last words.*<stream:error.*<conflict/);
});

test('payloads in the creation request go to the server, after the stream is asked for', async () => {
  const client = new BoshClient(bosh.port);
  const text = client.text(
    { to: 'example.com', wait: 1, hold: 1, ver: '1.6', 'xmpp:version': '1.0' },
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>",
  );
  const { body } = await post(bosh.port, text);
  assert.ok(body.attrs['sid']);
  assert.match(bosh.upstream.last.sent[0] ?? '', /^<auth /);
});

test('§"Authentication": a restart names the same domain, spelled as one likes, or none', async () => {
  const { client, stream } = await session();
  const say = () => stream.say("<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>");
  for (const to of ['example.com', 'EXAMPLE.com', undefined]) {
    const answer = client.send({ 'xmpp:restart': 'true', to });
    await stream.until(() => stream.restarts.length > 0);
    assert.equal(stream.restarts.pop()?.to, 'example.com');
    say();
    await answer;
  }
  const { body } = await client.send({ 'xmpp:restart': 'true', to: 'other.example' });
  assert.equal(body.attrs['condition'], 'host-unknown');
  assert.equal(stream.restarts.length, 0);
});

test('the Content-Type that a client needs is on refusals of its session too', async () => {
  const { headers, body } = await new BoshClient(bosh.port).create({
    to: 'elsewhere.example',
    content: 'text/html; charset=utf-8',
  });
  assert.equal(body.attrs['condition'], 'host-unknown');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
});

test('what waits for missing requests is bounded for all sessions together, and room is given back', async () => {
  const small = await startBosh({ wait: 10, polling: 0, waitingBytes: 20_000 });
  const early = async (): Promise<[BoshClient, string, string]> => {
    const client = new BoshClient(small.port);
    await client.create();
    const missing = client.text({}, message('1'));
    return [client, missing, client.text({}, message('2', 'x'.repeat(15_000)))];
  };
  const waits = async (client: BoshClient) => {
    const deadline = performance.now() + 8_000;
    while (small.sessions.find(client.sid ?? '')?.heldCount !== 1) {
      assert.ok(performance.now() < deadline);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const [first, missing, large] = await early();
  const held = post(small.port, large);
  await waits(first);
  const [, , another] = await early();
  assert.equal((await post(small.port, another)).body.attrs['type'], 'error', 'no room');
  await Promise.race([post(small.port, missing), held]);
  await first.send({ type: 'terminate' });
  // One whose session ends while it waits gives its room back too.
  for (let i = 0; i < 3; i++) {
    const [client, , text] = await early();
    const lost = post(small.port, text);
    await waits(client);
    await client.send({ rid: 1 });
    assert.equal((await lost).body.attrs['condition'], 'other-request');
  }
  await small.stop();
});

test('what waits since the server takes no more is within the same bounds', async () => {
  const small = await startBosh({ wait: 10, polling: 0, waitingBytes: 20_000 });
  const blocked = async () => {
    const client = new BoshClient(small.port);
    await client.create();
    const stream = small.upstream.last;
    stream.accepts = false;
    const first = client.send({}, message('1'));
    await stream.until(() => stream.sent.length === 1);
    return { client, stream, first, large: client.text({}, message('2', 'x'.repeat(15_000))) };
  };
  const one = await blocked();
  const held = post(small.port, one.large);
  const deadline = performance.now() + 8_000;
  while (small.sessions.find(one.client.sid ?? '')?.heldCount !== 2) {
    assert.ok(performance.now() < deadline);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const other = await blocked();
  assert.equal((await post(small.port, other.large)).body.attrs['type'], 'error', 'no room');
  one.stream.resume();
  await one.stream.until(() => one.stream.sent.length === 2);
  // room is given back, and the client of the other says it again
  const again = post(small.port, other.large);
  other.stream.resume();
  await other.stream.until(() => other.stream.sent.length === 2);
  for (const { client } of [one, other]) await client.send({ type: 'terminate' });
  await Promise.all([held, again, one.first, other.first]);
  await small.stop();
});

test('of one request the server gets as much as it takes and then the rest, all of it before the end', async () => {
  const small = await startBosh({ wait: 10, polling: 0, waitingBytes: 3_000 });
  const open = async () => {
    const client = new BoshClient(small.port);
    await client.create();
    small.upstream.last.accepts = false;
    return { client, stream: small.upstream.last };
  };
  const { client, stream } = await open();
  const first = client.send({}, message('1') + message('2'));
  await stream.until(() => stream.sent.length > 0);
  assert.equal(stream.sent.length, 1);
  stream.resume();
  await stream.until(() => stream.sent.length === 2);
  stream.accepts = false;
  await client.send({ type: 'terminate' }, message('3') + message('4'));
  const ids = stream.sent.map((text) => / id='(\d)'/.exec(text)?.[1]);
  assert.deepEqual(ids, ['1', '2', '3', '4']);
  assert.equal(stream.closedBy, 'closed');
  await first;
  // no room for the rest
  const crowded = await open();
  const { body } = await crowded.client.send({}, message('1') + message('2', 'x'.repeat(5_000)));
  assert.equal(body.attrs['condition'], 'internal-server-error');
  assert.equal(crowded.stream.closedBy, 'connection-lost');
  // and of a session that ends while something waits nothing is counted any more
  for (let i = 0; i < 4; i++) {
    const lost = await open();
    const waiting = lost.client.send({}, message('1') + message('2', 'x'.repeat(2_000)));
    await lost.stream.until(() => lost.stream.sent.length > 0);
    await lost.client.send({ rid: 1 });
    assert.equal((await waiting).body.attrs['condition'], 'other-request', `${i}`);
  }
  await small.stop();
});
