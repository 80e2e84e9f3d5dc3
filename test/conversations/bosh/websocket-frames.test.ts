import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { close, Frames, open } from '../../tools/frames.js';

// RFC 7395 on the wire of RFC 6455: how frames may be cut and mixed, and what stands in them.

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ stanzaBytes: 20_000 });
});
after(() => bosh.stop());

const presence = "<presence xmlns='jabber:client'/>";

test('a message in many fragments, cut inside characters, with pings between them', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  const text = "<message xmlns='jabber:client'><body>Grüße 👋</body></message>";
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at++) {
    client.socket.send(bytes.subarray(at, at + 1), { binary: false, fin: at === bytes.length - 1 });
    if (at % 10 === 0) client.socket.ping();
  }
  await stream.until(() => stream.sent.length === 1);
  assert.equal(stream.sent[0], text);
  client.socket.terminate();
});

test('a ping is answered with what it carries', async () => {
  const client = await new Frames(bosh.port).opened();
  client.socket.ping('are you there?');
  const [payload] = await once(client.socket, 'pong');
  assert.equal(String(payload), 'are you there?');
  client.socket.terminate();
});

test('pings of a client that does not read are not answered without end', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  let pongs = 0;
  client.socket.on('pong', () => pongs++);
  client.socket.pause();
  const count = 100_000;
  for (let i = 0; i < count; i++) client.socket.ping('x'.repeat(125));
  client.socket.send(presence);
  await stream.until(() => stream.sent.length === 1);
  client.socket.resume();
  // It is answered again once it reads.
  const ask = setInterval(() => client.socket.ping('last'), 50);
  await new Promise<void>((resolve) => {
    client.socket.on('pong', (payload) => {
      if (String(payload) === 'last') resolve();
    });
  });
  clearInterval(ask);
  assert.ok(pongs < count / 2, `${pongs} pongs`);
  client.socket.terminate();
});

test('§3.3.3: a frame may hold an XML declaration and white space behind the element', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  for (const frame of [
    `<?xml version='1.0'?>${presence}`,
    `<?xml version="1.0" encoding="utf-8"?>\n${presence}`,
    `${presence}\r\n`,
  ]) {
    client.socket.send(frame);
  }
  await stream.until(() => stream.sent.length === 3);
  assert.deepEqual(stream.sent, [presence, presence, presence]);
  client.socket.terminate();
  for (const [declaration, condition] of [
    ["<?xml version='1.0' encoding='iso-8859-1'?>", 'unsupported-encoding'],
    ["<?xml version='1.1'?>", 'bad-format'],
    ["<?xml version='1.0'?><?xml version='1.0'?>", 'restricted-xml|not-well-formed'],
    ["<?xml version='1.0'", 'not-well-formed'],
    ['\ufeff', 'not-well-formed'],
  ]) {
    const bad = await new Frames(bosh.port).opened();
    bad.socket.send(`${declaration}${presence}`);
    assert.match(await bad.frame(2), new RegExp(`<(${condition}) `), declaration);
    assert.equal(await bad.frame(3), close);
    bad.socket.terminate();
  }
});

test('§3.3.3: each frame stands alone: no prefix of an earlier one is known', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  client.socket.send("<c:presence xmlns:c='jabber:client' xmlns:x='urn:x'><x:y/></c:presence>");
  await stream.until(() => stream.sent.length === 1);
  client.socket.send("<presence xmlns='jabber:client'><x:y/></presence>");
  assert.match(await client.frame(2), /<(not-well-formed|bad-namespace-prefix) /);
  client.socket.terminate();
});

test('§3.2: text that is not UTF-8 ends the connection (RFC 6455 §8.1)', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  client.socket.send(Buffer.concat([Buffer.from('<message>'), Buffer.from([0xc0, 0xaf])]), { binary: false });
  assert.equal(await client.closed, 1007);
  await stream.until(() => stream.closedBy !== undefined);
  assert.equal(stream.closedBy, 'connection-lost');
});

test('§3.6: <close/> before <open/>, and frames after it', async () => {
  const streams = bosh.upstream.streams.length;
  const client = new Frames(bosh.port);
  await once(client.socket, 'open');
  client.socket.send(close);
  assert.equal(await client.frame(0), close);
  client.socket.send(presence);
  assert.equal(await client.closed, 1000);
  assert.equal(bosh.upstream.streams.length, streams);
});

test('§3.6: stanzas sent before <close/> in the same breath are forwarded, those behind it are not', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  for (const frame of [presence, presence, close, presence]) client.socket.send(frame);
  assert.equal(await client.frame(2), close);
  assert.equal(await client.closed, 1000);
  assert.equal(stream.sent.length, 2);
  assert.equal(stream.closedBy, 'closed');
});

test('§3.7: a restart for another domain is host-unknown', async () => {
  for (const [to, good] of [
    ['EXAMPLE.com', true],
    ['other.example', false],
    ['@', false],
  ] as const) {
    const client = await new Frames(bosh.port).opened();
    const stream = bosh.upstream.last;
    client.socket.send(open.replace('example.com', to));
    if (good) {
      await stream.until(() => stream.restarts.length === 1);
      assert.equal(stream.restarts[0]?.to, 'example.com');
    } else {
      assert.match(await client.frame(2), /<host-unknown /);
      assert.equal(await client.frame(3), close);
      assert.deepEqual(stream.restarts, []);
    }
    client.socket.terminate();
  }
});

test('a defect of ours is internal-server-error for one connection, and the process lives', async () => {
  const [client, other] = [await new Frames(bosh.port).opened(), await new Frames(bosh.port).opened()];
  const [stream, bystander] = bosh.upstream.streams.slice(-2);
  assert.ok(stream !== undefined && bystander !== undefined);
  stream.send = () => {
    throw new Error('a defect');
  };
  client.socket.send(presence);
  assert.match(await client.frame(2), /<internal-server-error /);
  other.socket.send(presence);
  await bystander.until(() => bystander.sent.length === 1);
  client.socket.terminate();
  other.socket.terminate();
});

test('a client that does not read its frames costs its own window, and others nothing', async () => {
  const client = await new Frames(bosh.port).opened();
  const stream = bosh.upstream.last;
  client.socket.pause();
  const before = stream.takenBytes;
  const frame = `<message xmlns='jabber:client'><body>${'x'.repeat(200_000)}</body></message>`;
  // Far more than a socket's buffers hold.
  for (let i = 0; i < 200; i++) stream.say(frame);
  const other = await new Frames(bosh.port).opened();
  other.socket.send(presence);
  await bosh.upstream.last.until(() => bosh.upstream.last.sent.length === 1);
  assert.ok(stream.takenBytes - before < 100 * frame.length, 'nothing is granted for what was not taken');
  client.socket.resume();
  await stream.until(() => stream.takenBytes - before >= 200 * frame.length);
  client.socket.terminate();
  other.socket.terminate();
});

test('a handshake that is none is refused, and leaves nothing behind', async () => {
  const none = async () => {
    const deadline = performance.now() + 5_000;
    while (bosh.sessions.size > 0) {
      assert.ok(performance.now() < deadline, `${bosh.sessions.size} sessions`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await none();
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const version = 'Sec-WebSocket-Version: 13\r\n';
  const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\n';
  const protocol = 'Sec-WebSocket-Protocol: xmpp\r\n';
  for (const headers of [
    upgrade + protocol + version,
    `${upgrade}${protocol}${version}Sec-WebSocket-Key: short\r\n`,
    `${upgrade}${protocol}${key}Sec-WebSocket-Version: 7\r\n`,
    upgrade + version + key,
    `${upgrade}${version}${key}Sec-WebSocket-Protocol: xmpp2, XMPP\r\n`,
  ]) {
    const socket = connect(bosh.port, '127.0.0.1');
    socket.write(`GET /xmpp-websocket HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 4\d\d /, headers);
    socket.destroy();
  }
  const elsewhere = connect(bosh.port, '127.0.0.1');
  elsewhere.write(`GET /http-bind HTTP/1.1\r\nHost: x\r\n${upgrade}${protocol}${key}${version}\r\n`);
  assert.match(String((await once(elsewhere, 'data'))[0]), /^HTTP\/1\.1 404 /);
  elsewhere.destroy();
  await none();
});
