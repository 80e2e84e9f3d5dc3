import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BoshClient, message, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';
import { exchange } from '../../tools/http-exchange.js';

// XEP-0124 §"HTTP Overview": what HTTP itself asks for (RFC 9110, RFC 9112), and what browsers ask beside it (Fetch).

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh(
    { wait: 10, polling: 0, bodyBytes: 30_000, stanzaBytes: 20_000 },
    { origins: ['https://chat.example.com'], trustedProxies: ['127.0.0.1'] },
  );
});
after(() => bosh.stop());

const session = () => bosh.session({ wait: 0 });

const raw = (text: string | Buffer, until: RegExp) => exchange(bosh.port, text, until);

test('every method and path has one answer, and an answer without a body has no length', async () => {
  const table: [string, string, number][] = [
    ['GET', '/http-bind', 200],
    ['HEAD', '/http-bind', 200],
    ['OPTIONS', '/http-bind', 204],
    ['PUT', '/http-bind', 405],
    ['DELETE', '/http-bind', 405],
    ['PATCH', '/http-bind', 405],
    ['TRACE', '/http-bind', 405],
    ['PROPFIND', '/http-bind', 405],
    ['GET', '/xmpp-websocket', 426],
    ['POST', '/xmpp-websocket', 426],
    ['OPTIONS', '/.well-known/host-meta', 204],
    ['POST', '/.well-known/host-meta', 405],
    ['DELETE', '/.well-known/host-meta.json', 405],
    ['GET', '/http-bind/more', 404],
    ['POST', '/HTTP-BIND', 404],
  ];
  for (const [method, path, status] of table) {
    const answer = await post(bosh.port, '', { method, path });
    assert.equal(answer.status, status, `${method} ${path}`);
    if (status === 405) assert.match(String(answer.headers.allow), /OPTIONS/);
    if (status === 204) assert.equal(answer.headers['content-length'], undefined);
    if (status === 426) {
      assert.equal(answer.headers.upgrade, 'websocket');
      assert.match(String(answer.headers.connection), /upgrade/i);
    }
  }
});

test('RFC 9112 §3.2.2: the target may be a whole URL', async () => {
  const { client, stream } = await session();
  const body = client.text({}, message('m'));
  const text = `POST http://chat.example.com/http-bind HTTP/1.1\r\nHost: chat.example.com\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  assert.match(await raw(text, /<body[^>]*\/>/), /200 OK/);
  assert.equal(stream.sent.length, 1);
});

test('a request in chunks, and one that waits for 100 Continue', async () => {
  const { client, stream } = await session();
  const [one, two] = [client.text({}, message('1')), client.text({}, message('2'))];
  const chunks = one.match(/[\s\S]{1,50}/g)?.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  await raw(
    `POST /http-bind HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks?.join('')}0\r\n\r\n`,
    /<body[^>]*\/>/,
  );
  assert.equal(stream.sent.length, 1);
  const answer = await raw(
    `POST /http-bind HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${two.length}\r\n\r\n${two}`,
    /<body[^>]*\/>/,
  );
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  assert.equal(stream.sent.length, 2);
});

test('what is not HTTP ends its connection, not the service', async () => {
  for (const text of [
    'POST /http-bind HTTP/1.1\r\nContent-Length: 5\r\n\r\n',
    'POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    'POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello',
    'POST /http-bind HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n',
    "<stream:stream xmlns='jabber:client'>",
    `GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(10_000)}\r\n`,
  ]) {
    assert.match(await raw(text, /<never>/), /^(HTTP\/1\.1 4\d\d [\s\S]*)?$/);
  }
  const { client } = await session();
  assert.ok(client.sid);
});

test('a compressed body that breaks off, that has several encodings, and one that is empty', async () => {
  const { client, stream } = await session();
  const whole = gzipSync(client.text({}, message('1')));
  const cut = await post(bosh.port, whole.subarray(0, whole.length - 12), {
    headers: { 'Content-Encoding': 'gzip' },
  });
  assert.equal(cut.body.attrs['condition'], 'bad-request');
  const double = await post(bosh.port, gzipSync(whole), { headers: { 'Content-Encoding': 'gzip, gzip' } });
  assert.equal(double.body.attrs['condition'], 'bad-request');
  const empty = await post(bosh.port, '', { headers: { 'Content-Encoding': 'gzip' } });
  assert.equal(empty.body.attrs['condition'], 'bad-request');
  assert.deepEqual(stream.sent, []);
  assert.equal(stream.closedBy, undefined, 'nobody can know whose body it was');
  const identity = await client.send({}, message('2'), { headers: { 'Content-Encoding': 'identity' } });
  // The rid of the one that broke off is still due.
  assert.equal(identity.body.attrs['type'], 'error');
  await post(bosh.port, whole, { headers: { 'Content-Encoding': 'x-gzip' } });
  assert.equal(stream.sent.length, 1);
});

test('preflights: only for allowed origins, for the private network too', async () => {
  const asking = {
    Origin: 'https://chat.example.com',
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'content-type',
  };
  const plain = await post(bosh.port, '', { method: 'OPTIONS', headers: asking });
  assert.equal(plain.headers['access-control-allow-private-network'], undefined);
  const near = { ...asking, 'Access-Control-Request-Private-Network': 'true' };
  const granted = await post(bosh.port, '', { method: 'OPTIONS', headers: near });
  assert.equal(granted.headers['access-control-allow-private-network'], 'true');
  assert.equal(granted.headers['access-control-allow-origin'], 'https://chat.example.com');
  assert.equal(granted.headers['vary'], 'Origin');
  const stranger = { ...near, Origin: 'https://evil.example' };
  const refused = await post(bosh.port, '', { method: 'OPTIONS', headers: stranger });
  assert.equal(refused.status, 403);
  assert.equal(refused.headers['access-control-allow-private-network'], undefined);
  // host-meta may be read from anywhere (XEP-0156 §"Implementation Notes").
  const meta = await post(bosh.port, '', {
    method: 'OPTIONS',
    path: '/.well-known/host-meta.json',
    headers: stranger,
  });
  assert.equal(meta.headers['access-control-allow-origin'], '*');
  assert.equal(meta.headers['access-control-allow-private-network'], 'true');
});

test('an allowed page may read an error of any kind', async () => {
  const headers = { Origin: 'https://chat.example.com' };
  const legacy = await new BoshClient(bosh.port).create({ ver: undefined, rid: 'x' }, { headers });
  assert.equal(legacy.status, 400);
  assert.equal(legacy.headers['access-control-allow-origin'], headers.Origin);
  const malformed = await post(bosh.port, '<body', { headers });
  assert.equal(malformed.headers['access-control-allow-origin'], headers.Origin);
});

test("a page's own origin is known whether or not `Host` names the usual port", async () => {
  const behind = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https' };
  for (const [Host, Origin, status] of [
    ['chat.example.org', 'https://chat.example.org', 200],
    ['Chat.Example.org:443', 'https://chat.example.org', 200],
    ['chat.example.org:8443', 'https://chat.example.org:8443', 200],
    ['chat.example.org:8443', 'https://chat.example.org', 403],
    ['chat.example.org:80', 'https://chat.example.org', 403],
    ['chat.example.org', 'http://chat.example.org', 403],
  ] as const) {
    const answer = await new BoshClient(bosh.port).create({}, { headers: { ...behind, Host, Origin } });
    assert.equal(answer.status, status, `${Origin} at ${Host}`);
  }
});

test('a defect of ours is internal-server-error for one request, and the process lives', async () => {
  const { client, stream } = await session();
  const { client: other } = await session();
  stream.send = () => {
    throw new Error('a defect');
  };
  const { body } = await client.send({}, message('1'));
  assert.equal(body.attrs['condition'], 'internal-server-error');
  assert.equal((await other.send({}, message('2'))).body.attrs['type'], undefined);
});
