import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Attributes, assertTerminal, BoshClient, message, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { eventually } from '../../tools/faults.js';

// XEP-0124 §"Terminating the BOSH Session" and §"Error and Status Codes".

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 30, polling: 0 });
});
after(() => bosh.stop());

const session = (attributes?: Attributes) => bosh.session(attributes);

const empty = "<body xmlns='http://jabber.org/protocol/httpbind'/>";
test('terminate: payloads are forwarded, the oldest connection hears terminate, the others an empty body', async () => {
  const { client, stream } = await session();
  const held = client.send();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const end = client.send({ type: 'terminate' }, "<presence xmlns='jabber:client' type='unavailable'/>");
  assertTerminal(await held, undefined);
  assert.equal((await end).text, empty);
  assert.deepEqual(stream.sent, ["<presence xmlns='jabber:client' type='unavailable'/>"]);
  assert.equal(stream.closedBy, 'closed');
});

test('terminate on the only connection is confirmed there, and the session is gone', async () => {
  const { client } = await session();
  const text = client.text({ type: 'terminate' });
  assertTerminal(await post(bosh.port, text), undefined);
  assertTerminal(await post(bosh.port, text), undefined);
  assertTerminal(await client.send(), 'item-not-found');
});

test('a stream error goes to the client with the stanzas before it (remote-stream-error)', async () => {
  const { client, stream } = await session();
  const answer = client.send();
  stream.say("<message xmlns='jabber:client' id='last'/>");
  stream.say(
    "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
  );
  stream.end();
  const { body, text, status } = await answer;
  assert.equal(status, 200);
  assert.equal(body.attrs['condition'], 'remote-stream-error');
  assert.equal(body.attrs['xmlns:stream'], 'http://etherx.jabber.org/streams');
  assert.equal(body.getChild('message')?.attrs['id'], 'last');
  assert.match(text, /<stream:error [^>]*><conflict/);
  assertTerminal(await client.send(), 'item-not-found');
});

test('a server that goes away is remote-connection-failed, also for a client that was not asking just then', async () => {
  const { client, stream } = await session();
  stream.end('remote-connection-failed');
  assertTerminal(await client.send(), 'remote-connection-failed');
  assertTerminal(await client.send(), 'item-not-found');
});

test('a server that ends the stream in order ends the session in order', async () => {
  const { client, stream } = await session();
  const answer = client.send();
  await new Promise((resolve) => setTimeout(resolve, 20));
  stream.end();
  assertTerminal(await answer, undefined);
});

test('other conditions of the server reach the client', async () => {
  for (const condition of ['system-shutdown', 'host-gone', 'internal-server-error'] as const) {
    const { client, stream } = await session();
    const answer = client.send();
    await new Promise((resolve) => setTimeout(resolve, 10));
    stream.end(condition);
    assertTerminal(await answer, condition);
  }
});

test('the process stops: system-shutdown for who waits, and nobody new', async () => {
  const other = await startBosh();
  const client = new BoshClient(other.port);
  await client.create();
  const held = client.send({}, message('last'));
  await eventually('the request is there', () => other.upstream.last.sent.length === 1);
  const stopped = other.stop();
  assertTerminal(await held, 'system-shutdown');
  await stopped;
  assert.equal(other.upstream.last.closedBy, 'system-shutdown');
});

test('a request without a good rid is bad-request', async () => {
  for (const rid of ['', 'x', '-1', '1.5']) {
    const { client, stream } = await session();
    assertTerminal(await client.send({ rid }), 'bad-request');
    assert.equal(stream.closedBy, 'bad-request');
  }
});

test('a legacy client (no ver) gets HTTP errors 400, 403 and 404', async () => {
  const legacy = async () => session({ ver: undefined, hold: 1 });
  assert.equal((await (await legacy()).client.send({ rid: 'x' })).status, 400);
  assert.equal((await (await legacy()).client.send({ pause: 10_000 })).status, 403);
  const { client } = await legacy();
  assert.equal((await client.send({ rid: client.rid + 5 })).status, 404);
  assert.equal((await new BoshClient(bosh.port).create({ ver: undefined, wait: 'x' })).status, 400);
});

test('a legacy client still gets the other conditions in a body', async () => {
  const { client, stream } = await session({ ver: undefined });
  stream.end('remote-connection-failed');
  assertTerminal(await client.send(), 'remote-connection-failed');
  assertTerminal(
    await new BoshClient(bosh.port).create({ ver: undefined, to: 'elsewhere.example' }),
    'host-unknown',
  );
});

test('a client may report an error of its own and end', async () => {
  const { client, stream } = await session();
  assertTerminal(await client.send({ type: 'terminate', condition: 'undefined-condition' }), undefined);
  assert.equal(stream.closedBy, 'closed');
});

test('a malformed body ends its own session only', async () => {
  const bad = [
    "<message xmlns='jabber:client'><body>&undefined;</body></message>",
    "<message xmlns='jabber:client'>",
    'text',
    '<!-- comment -->',
    '<?pi here?>',
    "<x:message xmlns='jabber:client'/>",
    "<message xmlns='jabber:client' a='1' a='2'/>",
    '<![CDATA[text]]>',
  ];
  const bystander = await session();
  const waiting = bystander.client.send();
  for (const payload of bad) {
    const { client, stream } = await session();
    const { body } = await client.send({}, `<presence xmlns='jabber:client'/>${payload}`);
    assert.equal(body.attrs['condition'], 'bad-request', payload);
    assert.equal(stream.closedBy, 'bad-request', payload);
    assert.deepEqual(stream.sent, [], 'nothing of a body that is wrong is forwarded');
  }
  bystander.stream.say("<message xmlns='jabber:client' id='fine'/>");
  assert.equal((await waiting).body.getChild('message')?.attrs['id'], 'fine');
});

test('what is no body at all is bad-request, and touches no session', async () => {
  const { client, stream } = await session();
  const requests = [
    '',
    ' ',
    'hello',
    "<?xml version='1.0'?>",
    "<!DOCTYPE body><body xmlns='http://jabber.org/protocol/httpbind' rid='1'/>",
    "<body rid='1'/>",
    "<body xmlns='jabber:client' rid='1'/>",
    "<post xmlns='http://jabber.org/protocol/httpbind' rid='1'/>",
    `${client.text({ sid: undefined })}<more/>`,
    Buffer.concat([
      Buffer.from("<body xmlns='http://jabber.org/protocol/httpbind' to='"),
      Buffer.from([0xff]),
      Buffer.from("'/>"),
    ]),
  ];
  for (const request of requests) assertTerminal(await post(bosh.port, request), 'bad-request');
  const answer = client.send({ rid: client.rid - 1 }, message('m1'));
  await stream.until(() => stream.sent.length === 1);
  stream.say("<message xmlns='jabber:client'/>");
  assert.equal((await answer).body.attrs['type'], undefined);
});

test('an XML declaration before the body, and white space around it, are allowed', async () => {
  const { client, stream } = await session();
  const text = `<?xml version='1.0' encoding='utf-8'?>\n${client.text({}, `\n  ${message('m1')}\n`)}\n`;
  const answer = post(bosh.port, text);
  await stream.until(() => stream.sent.length === 1);
  stream.say("<message xmlns='jabber:client'/>");
  assert.equal((await answer).body.attrs['type'], undefined);
});
