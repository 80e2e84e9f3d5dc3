import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { close, Frames, open } from '../../tools/frames.js';
import { features } from '../../tools/scripted-upstream.js';

// RFC 7395.

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ stanzaBytes: 20_000 }, { origins: ['https://chat.example.com'] });
});
after(() => bosh.stop());

test('§3.1: the subprotocol is xmpp', async () => {
  const client = new Frames(bosh.port, ['chat', 'xmpp']);
  await once(client.socket, 'open');
  assert.equal(client.socket.protocol, 'xmpp');
  assert.equal(client.socket.extensions, '', 'no compression');
  client.socket.terminate();
});

test('§3.1: without the subprotocol there is no connection', async () => {
  for (const protocols of [[], ['chat']]) {
    const socket = new WebSocket(`ws://127.0.0.1:${bosh.port}/xmpp-websocket`, protocols);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 400);
    socket.on('error', () => undefined);
    socket.terminate();
  }
});

test('a page of another origin may not connect', async () => {
  const status = async (origin: string) => {
    const socket = new WebSocket(`ws://127.0.0.1:${bosh.port}/xmpp-websocket`, ['xmpp'], { origin });
    socket.on('error', () => undefined);
    const result = await Promise.race([
      once(socket, 'open').then(() => 101),
      once(socket, 'unexpected-response').then(
        ([, response]) => (response as { statusCode: number }).statusCode,
      ),
    ]);
    socket.terminate();
    return result;
  };
  assert.equal(await status('https://evil.example'), 403);
  assert.equal(await status('https://chat.example.com'), 101);
  assert.equal(await status(`http://127.0.0.1:${bosh.port}`), 101);
});

test('§3.4: <open/> is answered by <open/>, then features, each in a frame of its own', async () => {
  const client = await new Frames(bosh.port).opened();
  assert.equal(
    client.frames[0],
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='example.com' id='s1' xml:lang='en' version='1.0'/>",
  );
  assert.equal(client.frames[1], features);
  assert.deepEqual(bosh.upstream.last.header, {
    to: 'example.com',
    from: undefined,
    version: '1.0',
    lang: 'en',
  });
  assert.equal(bosh.upstream.last.origin.transport, 'websocket');
  client.socket.terminate();
});

test('§3.3.3: each element is a frame, both ways', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  const message =
    "<message xmlns='jabber:client' xml:lang='en'><body>Every frame stands alone. 👋</body></message>";
  client.socket.send(message);
  client.socket.send(`<?xml version='1.0' encoding='UTF-8'?>${message}`);
  await stream.until(() => stream.sent.length === 2);
  assert.deepEqual(stream.sent, [message, message]);
  stream.say(message);
  stream.say("<presence xmlns='jabber:client'/>");
  assert.equal(await client.frame(2), message);
  assert.equal(await client.frame(3), "<presence xmlns='jabber:client'/>");
  await stream.until(() => stream.acknowledgedCount === 3);
  assert.equal(
    stream.takenBytes,
    Buffer.byteLength(`${features}${message}<presence xmlns='jabber:client'/>`),
  );
  client.socket.terminate();
});

test('frames that are no documents with one element are stream errors, after which the stream closes (§3.5)', async () => {
  const bad: [string, string][] = [
    ['', 'not-well-formed'],
    [' ', 'not-well-formed'],
    [" <presence xmlns='jabber:client'/>", 'not-well-formed'],
    ["<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>", 'not-well-formed'],
    ["<presence xmlns='jabber:client'>", 'not-well-formed'],
    ["<presence xmlns='jabber:client'/><presence", 'not-well-formed'],
    ["<presence xmlns='jabber:client'/>text", 'bad-format'],
    ['</frames>', 'not-well-formed'],
    ["<presence xmlns='jabber:client'></frames>", 'not-well-formed'],
    ["<!-- comment --><presence xmlns='jabber:client'/>", 'restricted-xml'],
    ["<?pi?><presence xmlns='jabber:client'/>", 'restricted-xml'],
    ["<!DOCTYPE presence><presence xmlns='jabber:client'/>", 'restricted-xml'],
    ["<message xmlns='jabber:client'>&entity;</message>", 'restricted-xml'],
    ['<message/>', 'invalid-namespace'],
    ["<x:message xmlns='jabber:client'/>", 'not-well-formed'],
    ["<open xmlns='jabber:client' to='example.com'/>", 'invalid-namespace'],
    ['<close/>', 'invalid-namespace'],
  ];
  for (const [frame, condition] of bad) {
    const client = await new Frames(bosh.port).opened();
    const stream = bosh.upstream.last;
    client.socket.send(frame);
    const error = await client.frame(2);
    assert.match(error, /^<stream:error xmlns:stream='http:\/\/etherx\.jabber\.org\/streams'>/, frame);
    assert.match(error, new RegExp(`<${condition} `), `${frame}: ${error}`);
    assert.equal(await client.frame(3), close);
    assert.deepEqual(stream.sent, []);
    assert.equal(stream.closedBy, 'bad-request');
    client.socket.send(close);
    assert.equal(await client.closed, 1000);
  }
});

test('§3.2: binary frames are refused', async () => {
  const client = await new Frames(bosh.port).opened();
  client.socket.send(Buffer.from("<presence xmlns='jabber:client'/>"), { binary: true });
  assert.match(await client.frame(2), /unsupported-encoding/);
  client.socket.terminate();
});

test('§3.5: an error while the stream is opened comes after an <open/>', async () => {
  const cases: [string, string][] = [
    [
      "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='elsewhere.example' version='1.0'/>",
      'host-unknown',
    ],
    ["<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>", 'improper-addressing'],
    ["<open xmlns='urn:wrong' to='example.com' version='1.0'/>", 'invalid-namespace'],
    ["<stream:stream xmlns:stream='http://etherx.jabber.org/streams' to='example.com'/>", 'bad-format'],
    ["<presence xmlns='jabber:client'/>", 'bad-format'],
  ];
  for (const [first, condition] of cases) {
    const client = new Frames(bosh.port);
    await once(client.socket, 'open');
    client.socket.send(first);
    assert.match(await client.frame(0), /^<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/, first);
    assert.match(await client.frame(1), new RegExp(`<${condition} `), first);
    assert.equal(await client.frame(2), close);
    client.socket.send(close);
    await client.closed;
  }
});

test('§3.6: the client closes, the server answers, then the connection', async () => {
  const client = await new Frames(bosh.port).opened();
  client.socket.send(close);
  assert.equal(await client.frame(2), close);
  assert.equal(bosh.upstream.last.closedBy, 'closed');
  client.socket.close(1000);
  assert.equal(await client.closed, 1000);
});

test('§3.6: the server closes', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  stream.say(
    "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
  );
  stream.end();
  assert.match(await client.frame(2), /<conflict/);
  assert.equal(await client.frame(3), close);
  client.socket.send(close);
  assert.equal(await client.closed, 1000);
  await stream.until(() => stream.closedBy === 'closed');
  assert.equal(stream.acknowledgedCount, 2, 'what was written counts as delivered');
});

test('§3.5: after an error of the server the stream is closed, though the server leaves it open', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  stream.say(
    "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
  );
  assert.match(await client.frame(2), /<conflict/);
  assert.equal(await client.frame(3), close);
  client.socket.send(close);
  assert.equal(await client.closed, 1000);
  await stream.until(() => stream.closedBy === 'closed');
});

test('§3.6: a connection that breaks is told apart from one that was closed', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  client.socket.terminate();
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost');
});

test('a server that is lost is a stream error remote-connection-failed', async () => {
  const client = await new Frames(bosh.port).opened();
  bosh.upstream.last.end('remote-connection-failed');
  assert.match(await client.frame(2), /<remote-connection-failed /);
  assert.equal(await client.frame(3), close);
  client.socket.terminate();
});

test('§3.6.1: see-other-uri where TLS is required', async () => {
  const strict = await startBosh({}, { requireTls: true, publicUrl: 'https://chat.example.com' });
  const client = new Frames(strict.port, ['xmpp'], { 'X-Forwarded-For': '192.0.2.7' });
  await once(client.socket, 'open');
  client.socket.send(open);
  assert.equal(
    await client.frame(0),
    "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://chat.example.com/xmpp-websocket'/>",
  );
  assert.equal(strict.upstream.streams.length, 0);
  client.socket.terminate();
  await strict.stop();
});

test('§3.7: a second <open/> restarts the stream', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  client.socket.send(open);
  await stream.until(() => stream.restarts.length === 1);
  assert.equal(stream.restarts[0]?.to, 'example.com');
  stream.opened({ id: 's2' });
  stream.say(features);
  assert.match(await client.frame(2), /^<open .* id='s2'/);
  assert.equal(await client.frame(3), features);
  client.socket.terminate();
});

test('§3.8: the server pings; a client that does not answer is gone', async () => {
  const quick = await startBosh({}, { pingSeconds: 1 });
  const client = await new Frames(quick.port).opened();
  await once(client.socket, 'ping');
  const stream = quick.upstream.last;
  client.socket.pause();
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost');
  client.socket.terminate();
  await quick.stop();
});

test('an element that is too big is policy-violation; a frame much bigger ends the connection', async () => {
  const client = await new Frames(bosh.port).opened();
  const big = (count: number) => `<message xmlns='jabber:client'><body>${'x'.repeat(count)}</body></message>`;
  client.socket.send(big(20_001));
  assert.match(await client.frame(2), /<policy-violation /);
  assert.equal(await client.frame(3), close);
  client.socket.terminate();
  const other = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  other.socket.send(big(40_001));
  assert.equal(await other.closed, 1009);
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost');
});

test('a server that takes no more stops the reading', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  stream.accepts = false;
  for (let i = 0; i < 2_000; i++)
    client.socket.send(
      `<message xmlns='jabber:client' id='${i}'><body>${'x'.repeat(5_000)}</body></message>`,
    );
  await stream.until(() => stream.sent.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = stream.sent.length;
  assert.ok(before < 1_000, `${before} were read`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(stream.sent.length, before);
  stream.resume();
  await stream.until(() => stream.sent.length === 2_000);
  client.socket.terminate();
});

test('sessions over WebSocket count like the others', async () => {
  const small = await startBosh({ sessionsPerAddress: 1 });
  const first = await new Frames(small.port).opened();
  const second = new WebSocket(`ws://127.0.0.1:${small.port}/xmpp-websocket`, ['xmpp']);
  second.on('error', () => undefined);
  const [, response] = (await once(second, 'unexpected-response')) as [unknown, { statusCode: number }];
  assert.equal(response.statusCode, 503);
  first.socket.terminate();
  await small.upstream.last.until(() => small.upstream.last.closedBy !== undefined);
  const third = await new Frames(small.port).opened();
  third.socket.terminate();
  await small.stop();
});

test('the process stops: system-shutdown', async () => {
  const other = await startBosh();
  const client = await new Frames(other.port).opened();
  const stopped = other.stop();
  assert.match(await client.frame(2), /<system-shutdown /);
  assert.equal(other.upstream.last.closedBy, 'system-shutdown');
  await stopped;
});
