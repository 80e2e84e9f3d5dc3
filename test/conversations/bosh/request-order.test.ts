import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Attributes, assertTerminal, type BoshAnswer, message, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';

// XEP-0124 §"Sending and Receiving XML Payloads" and §"Request IDs".

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 30, repeats: 3, polling: 0 });
});
after(() => bosh.stop());

const session = (attributes?: Attributes) => bosh.session(attributes);

test('payloads go to the server, and a response waits until there is something to say', async () => {
  const { client, stream } = await session();
  const answer = client.send({}, message('m1') + message('m2'));
  await stream.until(() => stream.sent.length === 2);
  assert.deepEqual(stream.sent, [message('m1'), message('m2')]);
  stream.say("<message xmlns='jabber:client' id='in'><body>hi</body></message>");
  const { text } = await answer;
  assert.equal(
    text,
    "<body xmlns='http://jabber.org/protocol/httpbind'><message xmlns='jabber:client' id='in'><body>hi</body></message></body>",
  );
});

test('what the server sends together goes into one response', async () => {
  const { client, stream } = await session();
  const answer = client.send();
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const id of ['a', 'b', 'c']) stream.say(`<message xmlns='jabber:client' id='${id}'/>`);
  const { body } = await answer;
  assert.deepEqual(
    body.getChildren('message').map((one) => one.attrs['id']),
    ['a', 'b', 'c'],
  );
});

test('what waited while no request was held goes into the next one at once', async () => {
  const { client, stream } = await session();
  stream.say("<presence xmlns='jabber:client' id='p1'/>");
  const { body } = await client.send();
  assert.equal(body.getChild('presence')?.attrs['id'], 'p1');
});

test('after `wait` seconds an empty body', async () => {
  const { client } = await session({ wait: 1 });
  const before = performance.now();
  const { text } = await client.send();
  assert.equal(text, "<body xmlns='http://jabber.org/protocol/httpbind'/>");
  assert.ok(performance.now() - before > 900);
});

test('no more than `hold` requests are held: the oldest is answered', async () => {
  const { client, stream } = await session({ hold: 1 });
  const first = client.send();
  const second = client.send({}, message('m1'));
  assert.equal((await first).text, "<body xmlns='http://jabber.org/protocol/httpbind'/>");
  stream.say("<message xmlns='jabber:client' id='for the second'/>");
  assert.equal((await second).body.getChild('message')?.attrs['id'], 'for the second');
});

test('several concurrent requests are held where the client asked for that, and answered in order', async () => {
  const { client, stream } = await session({ hold: 2 });
  const order: number[] = [];
  const first = client.send().then((answer) => {
    order.push(1);
    return answer;
  });
  const second = client.send({}, message('m1')).then((answer) => {
    order.push(2);
    return answer;
  });
  await stream.until(() => stream.sent.length === 1);
  stream.say("<message xmlns='jabber:client' id='one'/>");
  assert.equal((await first).body.getChild('message')?.attrs['id'], 'one');
  stream.say("<message xmlns='jabber:client' id='two'/>");
  assert.equal((await second).body.getChild('message')?.attrs['id'], 'two');
  assert.deepEqual(order, [1, 2]);
});

test('requests that come out of order are forwarded in order', async () => {
  const { client, stream } = await session({ hold: 2 });
  const rid = client.rid;
  const third = post(bosh.port, client.text({ rid: rid + 2 }, message('third')));
  const second = post(bosh.port, client.text({ rid: rid + 1 }, message('second')));
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(stream.sent, [], 'nothing before the first');
  const first = post(bosh.port, client.text({ rid }, message('first')));
  await stream.until(() => stream.sent.length === 3);
  assert.deepEqual(
    stream.sent.map((text) => / id='(\w+)'/.exec(text)?.[1]),
    ['first', 'second', 'third'],
  );
  assert.equal((await first).body.children.length, 0, 'answered, since only two may be held');
  stream.say("<message xmlns='jabber:client' id='x'/>");
  assert.equal((await second).body.getChild('message')?.attrs['id'], 'x');
  stream.say("<message xmlns='jabber:client' id='y'/>");
  assert.equal((await third).body.getChild('message')?.attrs['id'], 'y');
});

test('a rid beyond the window ends the session with item-not-found', async () => {
  const { client, stream } = await session({ hold: 1 });
  assertTerminal(await client.send({ rid: client.rid + 2 }), 'item-not-found');
  assert.equal(stream.closedBy, 'connection-lost');
  assertTerminal(await client.send(), 'item-not-found');
});

test('the last rid of the window is allowed', async () => {
  const { client, stream } = await session({ hold: 1 });
  const rid = client.rid;
  const later = post(bosh.port, client.text({ rid: rid + 1 }, message('later')));
  const earlier = await post(bosh.port, client.text({ rid }, message('earlier')));
  assert.equal(earlier.body.attrs['type'], undefined);
  await stream.until(() => stream.sent.length === 2);
  stream.say("<message xmlns='jabber:client'/>");
  assert.ok((await later).body.getChild('message'));
});

test('a lost response is answered again, byte for byte', async () => {
  const { client, stream } = await session();
  const text = client.text();
  const answer = post(bosh.port, text);
  stream.say("<message xmlns='jabber:client' id='once' xml:lang='de'><body>Käse &amp; Brot</body></message>");
  const original = await answer;
  for (let i = 0; i < 3; i++) {
    const again = await post(bosh.port, text);
    assert.equal(again.status, 200);
    assert.deepEqual(again.raw, original.raw);
  }
  assert.equal(stream.sent.length, 0, 'a copy is never processed again');
});

test('as many responses are kept as requests may be open, then item-not-found', async () => {
  const { client, stream } = await session({ hold: 1 });
  const texts: string[] = [];
  const answers: BoshAnswer[] = [];
  for (let i = 0; i < 3; i++) {
    const text = client.text();
    texts.push(text);
    const answer = post(bosh.port, text);
    stream.say(`<message xmlns='jabber:client' id='${i}'/>`);
    answers.push(await answer);
  }
  assert.equal((await post(bosh.port, texts[2] ?? '')).text, answers[2]?.text);
  assert.equal((await post(bosh.port, texts[1] ?? '')).text, answers[1]?.text);
  assertTerminal(await post(bosh.port, texts[0] ?? ''), 'item-not-found');
  assertTerminal(await post(bosh.port, texts[2] ?? ''), 'item-not-found');
});

test('a copy of a request that is being held gets the answer, the older one a recoverable error', async () => {
  const { client, stream } = await session();
  const text = client.text({}, message('m1'));
  const older = post(bosh.port, text);
  await stream.until(() => stream.sent.length === 1);
  const copy = post(bosh.port, text);
  const { body, text: answered } = await older;
  assert.equal(answered, "<body xmlns='http://jabber.org/protocol/httpbind' type='error'/>");
  assert.equal(body.attrs['condition'], undefined);
  stream.say("<message xmlns='jabber:client' id='late'/>");
  assert.equal((await copy).body.getChild('message')?.attrs['id'], 'late');
  assert.equal(stream.sent.length, 1, 'forwarded once');
});

test('too many copies of one request are policy-violation', async () => {
  const { client, stream } = await session();
  const text = client.text();
  const answer = post(bosh.port, text);
  stream.say("<message xmlns='jabber:client'/>");
  await answer;
  for (let i = 0; i < 3; i++) assert.equal((await post(bosh.port, text)).body.attrs['type'], undefined);
  assertTerminal(await post(bosh.port, text), 'policy-violation');
  assert.equal(stream.closedBy, 'policy-violation');
});

test('a connection that breaks loses nothing: the copy gets what came meanwhile', async () => {
  const { client, stream } = await session();
  const text = client.text({}, message('m1'));
  const broken = new AbortController();
  const lost = post(bosh.port, text, { signal: broken.signal });
  lost.catch(() => undefined);
  await stream.until(() => stream.sent.length === 1);
  broken.abort();
  await assert.rejects(lost);
  stream.say("<message xmlns='jabber:client' id='meanwhile'/>");
  const { body } = await post(bosh.port, text);
  assert.equal(body.getChild('message')?.attrs['id'], 'meanwhile');
  assert.equal(stream.sent.length, 1);
});

test('a request whose predecessor never comes is given back as a recoverable error', async () => {
  const { client, stream } = await session({ wait: 1, hold: 1 });
  const rid = client.rid;
  const early = await post(bosh.port, client.text({ rid: rid + 1 }, message('second')));
  assert.equal(early.body.attrs['type'], 'error');
  // §"Recoverable Binding Conditions": the client repeats it and all before it.
  const first = post(bosh.port, client.text({ rid }, message('first')));
  const second = post(bosh.port, client.text({ rid: rid + 1 }, message('second')));
  await stream.until(() => stream.sent.length === 2);
  assert.match(stream.sent[0] ?? '', /first/);
  assert.equal((await first).body.attrs['type'], undefined);
  assert.equal((await second).body.attrs['type'], undefined);
});

test('a server that takes no more makes the client wait, not the memory grow', async () => {
  const { client, stream } = await session({ hold: 1 });
  stream.accepts = false;
  const first = client.send({}, message('first'));
  await stream.until(() => stream.sent.length === 1);
  const second = client.send({}, message('second'));
  let answered = false;
  first.then(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(stream.sent.length, 1, 'the second waits');
  assert.equal(answered, false, 'and so does the answer that would let a third come');
  stream.resume();
  await stream.until(() => stream.sent.length === 2);
  await first;
  stream.say("<message xmlns='jabber:client'/>");
  await second;
});
