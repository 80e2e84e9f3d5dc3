import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import { type Attributes, BoshClient, message, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { exchange } from '../../tools/http-exchange.js';

// XEP-0124 §"HTTP Overview", §"HTTP Pipelining" and §"Connection Between Client and BOSH Service"; CORS; XEP-0156.

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh(
    { wait: 30, polling: 0, stanzaBytes: 20_000, bodyBytes: 60_000 },
    { origins: ['https://chat.example.com'], trustedProxies: ['127.0.0.1', '10.0.0.0/8'] },
  );
});
after(() => bosh.stop());

const session = (attributes: Attributes = {}, headers: Record<string, string> = {}) =>
  bosh.session(attributes, { headers });

const raw = (text: string | Buffer, until: RegExp) => exchange(bosh.port, text, until);

const httpPost = (body: string, extra = '', version = '1.1') =>
  `POST /http-bind HTTP/${version}\r\nHost: localhost\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

test('a response is compressed for who accepts it, when it is worth it', async () => {
  const { client, stream } = await session({ wait: 0 });
  stream.say(message('long', 'x'.repeat(5_000)));
  const answer = await client.send({}, '', { headers: { 'Accept-Encoding': 'deflate;q=0.5, gzip' } });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.equal(answer.headers['content-length'], String(answer.raw.length));
  assert.match(gunzipSync(answer.raw).toString(), /x{5000}/);
  stream.say(message('long', 'x'.repeat(5_000)));
  const plain = await client.send({}, '', { headers: { 'Accept-Encoding': 'gzip;q=0, identity' } });
  assert.equal(plain.headers['content-encoding'], undefined);
});

test('a compressed request is read, whichever of the encodings in `accept` it has', async () => {
  const { client, stream } = await session({ wait: 0 });
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const) {
    const body = compress(client.text({}, message(encoding)));
    await post(bosh.port, body, { headers: { 'Content-Encoding': encoding } });
    assert.match(stream.sent.at(-1) ?? '', new RegExp(encoding));
  }
  const unknown = await post(bosh.port, client.text(), { headers: { 'Content-Encoding': 'br' } });
  assert.equal(unknown.body.attrs['condition'], 'bad-request');
  const broken = await post(bosh.port, 'this is not gzip', { headers: { 'Content-Encoding': 'gzip' } });
  assert.equal(broken.body.attrs['condition'], 'bad-request');
});

test('a small body that decompresses to a large one is cut off', async () => {
  const { client, stream } = await session({ wait: 0 });
  const bomb = gzipSync(client.text({}, message('bomb', 'x'.repeat(50_000_000))));
  assert.ok(bomb.length < 60_000);
  const { body } = await post(bosh.port, bomb, { headers: { 'Content-Encoding': 'gzip' } });
  assert.equal(body.attrs['condition'], 'policy-violation');
  assert.equal(stream.closedBy, 'policy-violation');
  assert.deepEqual(stream.sent, []);
});

test('a stanza and a body that are too big are policy-violation for their session', async () => {
  const one = await session({ wait: 0 });
  const big = await one.client.send({}, message('big', 'x'.repeat(20_001)));
  assert.equal(big.body.attrs['condition'], 'policy-violation');
  assert.equal(one.stream.closedBy, 'policy-violation');
  const other = await session({ wait: 0 });
  const many = await other.client.send({}, message('m', 'x'.repeat(15_000)).repeat(5));
  assert.equal(many.body.attrs['condition'], 'policy-violation');
});

test('pipelined requests are answered in order', async () => {
  const { client } = await session({ wait: 0 });
  const text = await raw(
    httpPost(client.text({}, message('1'))) +
      httpPost(client.text({}, message('2'))) +
      httpPost(client.text({ type: 'terminate' })),
    /type='terminate'/,
  );
  assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 3);
  assert.equal(bosh.upstream.last.sent.length, 2);
});

test('one connection serves request after request (keep-alive)', async () => {
  const { client } = await session({ wait: 0 });
  const socket = connect(bosh.port, '127.0.0.1');
  for (let i = 0; i < 5; i++) {
    socket.write(httpPost(client.text({}, message(`${i}`))));
    const text = await new Promise<string>((resolve, reject) => {
      socket.once('data', (chunk) => resolve(String(chunk)));
      socket.once('error', reject);
    });
    assert.match(text, /200 OK/);
  }
  socket.destroy();
});

test('HTTP/1.0 works, with and without keep-alive', async () => {
  const { client } = await session({ wait: 0 });
  const closed = await raw(httpPost(client.text({}, message('1')), '', '1.0'), /<never>/);
  assert.match(closed, /Connection: close[\s\S]*<body xmlns=/i);
  assert.doesNotMatch(closed, /chunked/i);
  const kept = await raw(
    httpPost(client.text({}, message('2')), 'Connection: keep-alive\r\n', '1.0'),
    /<body/,
  );
  assert.match(kept, /Connection: keep-alive/i);
});

test('a request that comes byte by byte, and any Content-Type, are accepted', async () => {
  const { client, stream } = await session({ wait: 0 });
  const text = httpPost(
    client.text({}, message('slow', 'Grüße 👋')),
    'Content-Type: application/x-www-form-urlencoded\r\n',
  );
  const socket = connect({ port: bosh.port, host: '127.0.0.1', noDelay: true });
  for (const byte of Buffer.from(text)) {
    socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  const answer = await new Promise<string>((resolve) =>
    socket.once('data', (chunk) => resolve(String(chunk))),
  );
  assert.match(answer, /200 OK/);
  assert.match(stream.sent[0] ?? '', /Grüße 👋/);
  socket.destroy();
});

test('an allowed origin may read the answers, others are refused before anything happens', async () => {
  const allowed = { Origin: 'https://chat.example.com' };
  const preflight = await post(bosh.port, '', { method: 'OPTIONS', headers: allowed });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers['access-control-allow-origin'], 'https://chat.example.com');
  assert.match(String(preflight.headers['access-control-allow-methods']), /POST/);
  assert.match(String(preflight.headers['access-control-allow-headers']), /Content-Type/);
  const { created } = await session({}, allowed);
  assert.equal(created.headers['access-control-allow-origin'], 'https://chat.example.com');
  assert.equal(created.headers['access-control-allow-credentials'], undefined);
  const count = bosh.upstream.streams.length;
  for (const origin of ['https://evil.example', 'null', 'http://chat.example.com']) {
    const refused = await new BoshClient(bosh.port).create({}, { headers: { Origin: origin } });
    assert.equal(refused.status, 403);
    assert.equal(refused.headers['access-control-allow-origin'], undefined);
    assert.equal((await post(bosh.port, '', { method: 'OPTIONS', headers: { Origin: origin } })).status, 403);
  }
  assert.equal(bosh.upstream.streams.length, count);
});

test('a page of our own origin is always allowed, and `*` allows all', async () => {
  const own = await new BoshClient(bosh.port).create(
    {},
    { headers: { Origin: `http://127.0.0.1:${bosh.port}`, Host: `127.0.0.1:${bosh.port}` } },
  );
  assert.equal(own.status, 200);
  const open = await startBosh({}, { origins: ['*'] });
  const any = await new BoshClient(open.port).create({}, { headers: { Origin: 'https://anywhere.example' } });
  assert.equal(any.headers['access-control-allow-origin'], '*');
  await open.stop();
});

test('the address and the encryption of the client are believed from trusted proxies only', async () => {
  const behind = { 'X-Forwarded-For': '203.0.113.9, 192.0.2.7, 10.1.2.3', 'X-Forwarded-Proto': 'https' };
  const { stream } = await session({}, behind);
  assert.deepEqual(stream.origin, { transport: 'bosh', address: '192.0.2.7', secure: true });
  const untrusting = await startBosh();
  await new BoshClient(untrusting.port).create({}, { headers: behind });
  assert.deepEqual(untrusting.upstream.last.origin, {
    transport: 'bosh',
    address: '127.0.0.1',
    secure: false,
  });
  await untrusting.stop();
});

test('a secure session ignores requests that come without TLS, and lives on', async () => {
  const secure = { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https' };
  const { client, stream } = await session({ wait: 0 }, secure);
  const rid = client.rid;
  const plain = { 'X-Forwarded-For': '192.0.2.9' };
  await assert.rejects(client.send({ rid }, message('intruder'), { headers: plain }));
  assert.equal(stream.closedBy, undefined);
  assert.deepEqual(stream.sent, []);
  const { body } = await client.send({ rid }, message('mine'), { headers: secure });
  assert.equal(body.attrs['type'], undefined);
});

test('other methods and paths are refused', async () => {
  assert.equal((await post(bosh.port, '', { method: 'PUT' })).status, 405);
  assert.equal((await post(bosh.port, '', { method: 'GET', path: '/nothing' })).status, 404);
  assert.equal((await post(bosh.port, '', { method: 'GET', path: '/http-bind/?x' })).status, 200);
  assert.equal((await post(bosh.port, '', { method: 'GET', path: '/xmpp-websocket' })).status, 426);
  const head = await post(bosh.port, '', { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
});

test('host-meta (XEP-0156) is told over HTTPS only, with https: and wss: addresses', async () => {
  const secure = {
    'X-Forwarded-For': '192.0.2.7',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'chat.example.com',
  };
  const xrd = await post(bosh.port, '', { method: 'GET', path: '/.well-known/host-meta', headers: secure });
  assert.equal(xrd.status, 200);
  assert.match(String(xrd.headers['content-type']), /application\/xrd\+xml/);
  assert.equal(xrd.headers['access-control-allow-origin'], '*');
  assert.match(
    xrd.text,
    /rel="urn:xmpp:alt-connections:xbosh" href="https:\/\/chat\.example\.com\/http-bind"/,
  );
  assert.match(
    xrd.text,
    /rel="urn:xmpp:alt-connections:websocket" href="wss:\/\/chat\.example\.com\/xmpp-websocket"/,
  );
  const jrd = await post(bosh.port, '', {
    method: 'GET',
    path: '/.well-known/host-meta.json',
    headers: secure,
  });
  assert.deepEqual(JSON.parse(jrd.text), {
    links: [
      { rel: 'urn:xmpp:alt-connections:xbosh', href: 'https://chat.example.com/http-bind' },
      { rel: 'urn:xmpp:alt-connections:websocket', href: 'wss://chat.example.com/xmpp-websocket' },
    ],
  });
  assert.equal((await post(bosh.port, '', { method: 'GET', path: '/.well-known/host-meta' })).status, 404);
});

test('a client that never finishes its request is not waited for by others', async () => {
  const socket = connect(bosh.port, '127.0.0.1');
  socket.write('POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<body');
  const { created } = await session();
  assert.ok(created.body.attrs['sid']);
  socket.destroy();
});
