import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { TrustedProxies } from '../../../components/bosh/http/client-address.js';
import { acceptsGzip, HttpExchange } from '../../../components/bosh/http/http-exchange.js';

const request = (remoteAddress: string, headers: Record<string, string> = {}, encrypted = false) =>
  ({
    socket: encrypted ? { remoteAddress, encrypted } : { remoteAddress },
    headers,
  }) as unknown as IncomingMessage;

test('who a request comes from', () => {
  const proxies = new TrustedProxies(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32']);
  const origin = (...args: Parameters<typeof request>) => {
    const { address, secure, encrypted } = proxies.originOf(request(...args));
    return [address, encrypted, secure];
  };
  const https = { 'x-forwarded-proto': 'https' };
  assert.deepEqual(origin('192.0.2.1'), ['192.0.2.1', false, false]);
  assert.deepEqual(origin('192.0.2.1', {}, true), ['192.0.2.1', true, true]);
  assert.deepEqual(origin('::ffff:192.0.2.1'), ['192.0.2.1', false, false]);
  // Who is not trusted may say what it likes.
  assert.deepEqual(origin('192.0.2.1', { 'x-forwarded-for': '198.51.100.1', ...https }), [
    '192.0.2.1',
    false,
    false,
  ]);
  assert.deepEqual(origin('10.0.0.1', { 'x-forwarded-for': '198.51.100.1', ...https }), [
    '198.51.100.1',
    true,
    true,
  ]);
  // Each proxy appends what it saw: the last one that is not ours is the client.
  const chain = { 'x-forwarded-for': '203.0.113.1, 198.51.100.1, 10.2.3.4', ...https };
  assert.deepEqual(origin('10.0.0.1', chain), ['198.51.100.1', true, true]);
  assert.deepEqual(origin('2001:db8::1', { 'x-forwarded-for': '[2001:db9::7]:4321' }), [
    '2001:db9::7',
    false,
    false,
  ]);
  assert.deepEqual(origin('10.0.0.1', { 'x-forwarded-for': 'unknown' }), ['10.0.0.1', false, false]);
  assert.deepEqual(
    origin('10.0.0.1', { 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'http' }, true),
    ['198.51.100.1', false, false],
  );
  // What never leaves this machine cannot be listened to; a proxy on this machine shows itself.
  assert.deepEqual(origin('127.0.0.1'), ['127.0.0.1', false, true]);
  assert.deepEqual(origin('::1'), ['::1', false, true]);
  assert.deepEqual(origin('127.0.0.1', { 'x-forwarded-for': '198.51.100.1' }), [
    '198.51.100.1',
    false,
    false,
  ]);
  assert.deepEqual(origin('127.0.0.1', { via: '1.1 proxy' }), ['127.0.0.1', false, false]);
});

test('RFC 9110 §12.5.3: whether gzip is acceptable', () => {
  for (const yes of ['gzip', 'gzip, deflate, br', 'deflate;q=0.5, gzip;q=0.1', '*', 'br, x-gzip', 'GZIP']) {
    assert.equal(acceptsGzip(yes), true, yes);
  }
  for (const no of [undefined, '', 'identity', 'deflate, br', 'gzip;q=0', 'gzip;q=0.000, *', '*;q=0']) {
    assert.equal(acceptsGzip(no), false, String(no));
  }
});

test('a response counts as written where the connection took it, and not where it broke under it', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const written: string[] = [];
  const ask = async (name: string, body: string, headers = '') => {
    const client = connect(port, '127.0.0.1').pause();
    client.on('error', () => undefined);
    client.write(`POST / HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Length: 0\r\n\r\n`);
    const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
    const exchange = new HttpExchange(request, response, {
      secure: false,
      compress: false,
      headers: [],
      vary: undefined,
    });
    const closed = once(response, 'close');
    exchange.respond({ status: 200, contentType: 'text/xml', body }, () => written.push(name));
    return { client, closed };
  };
  const kept = await ask('kept', '<body/>');
  await kept.closed;
  const last = await ask('last', '<body/>', 'Connection: close\r\n');
  await last.closed;
  // More than the system holds for a client that does not read.
  const broken = await ask('broken', 'x'.repeat(30_000_000));
  broken.client.destroy();
  await broken.closed;
  for (const { client } of [kept, last]) client.destroy();
  server.close();
  assert.deepEqual(written, ['kept', 'last']);
});
