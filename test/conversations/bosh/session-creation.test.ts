import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BoshClient, post } from '../../tools/bosh-client.js';
import { startBosh, type TestBosh } from '../../tools/bosh-server.js';

// XEP-0124 §"Initiating a BOSH Session", XEP-0206 §"Session Creation Request" and §"Session Creation Response".

let bosh: TestBosh;
before(async () => {
  bosh = await startBosh({ wait: 50, hold: 2, inactivity: 40, polling: 3, maxpause: 90, creation: 5 });
});
after(() => bosh.stop());

test('the response has the required and the recommended attributes, and the features', async () => {
  const client = new BoshClient(bosh.port);
  const { status, headers, body, text } = await client.create({ wait: 60, hold: 1, ver: '1.6' });
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/xml; charset=utf-8');
  assert.equal(headers['transfer-encoding'], undefined, 'SHOULD NOT be chunked');
  assert.equal(headers['content-length'], String(Buffer.byteLength(text)));
  assert.equal(body.attrs['wait'], '50', 'at most what the client said, and what we allow');
  assert.equal(body.attrs['requests'], '2', 'one more than hold');
  assert.equal(body.attrs['hold'], '1');
  assert.equal(body.attrs['ver'], '1.6', "the lower of the client's version and ours");
  assert.equal(body.attrs['polling'], '3');
  assert.equal(body.attrs['inactivity'], '40');
  assert.equal(body.attrs['maxpause'], '90');
  assert.equal(body.attrs['from'], 'example.com');
  assert.equal(body.attrs['authid'], 's1');
  assert.equal(body.attrs['charsets'], 'UTF-8');
  assert.equal(body.attrs['accept'], 'gzip,deflate');
  assert.equal(body.attrs['xmpp:version'], '1.0');
  assert.equal(body.attrs['xmpp:restartlogic'], 'true');
  assert.equal(body.attrs['stream'], undefined, 'multiple streams are not supported, so not advertised');
  assert.equal(body.attrs['ack'], undefined, 'the client does not use acknowledgements');
  assert.ok(body.getChild('features', 'http://etherx.jabber.org/streams'));
  assert.match(text, /<stream:features/);
});

test('session ids are 128 random bits, and never the same', async () => {
  const sids = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const client = new BoshClient(bosh.port);
    await client.create();
    assert.match(client.sid ?? '', /^[A-Za-z0-9_-]{22}$/);
    sids.add(client.sid ?? '');
  }
  assert.equal(sids.size, 20);
});

test("an instance's name stands before its session ids", async () => {
  const one = await startBosh({}, { instance: 'b7' });
  const client = new BoshClient(one.port);
  await client.create();
  assert.match(client.sid ?? '', /^b7-[A-Za-z0-9_-]{22}$/);
  await one.stop();
});

test('wait and hold are never more than the client asked for', async () => {
  const { body } = await new BoshClient(bosh.port).create({ wait: 7, hold: 9 });
  assert.equal(body.attrs['wait'], '7');
  assert.equal(body.attrs['hold'], '2', 'nor more than we allow');
  assert.equal(body.attrs['requests'], '3');
});

test('versions are compared as two integers', async () => {
  assert.equal((await new BoshClient(bosh.port).create({ ver: '1.10' })).body.attrs['ver'], '1.10');
  assert.equal((await new BoshClient(bosh.port).create({ ver: '1.12' })).body.attrs['ver'], '1.11');
  assert.equal((await new BoshClient(bosh.port).create({ ver: '2.0' })).body.attrs['ver'], '1.11');
  assert.equal((await new BoshClient(bosh.port).create({ ver: '0.9' })).body.attrs['ver'], '0.9');
});

test('to, from, xml:lang and xmpp:version reach the server', async () => {
  await new BoshClient(bosh.port).create({ from: 'juliet@example.com', 'xml:lang': 'de' });
  assert.deepEqual(bosh.upstream.last.header, {
    to: 'example.com',
    from: 'juliet@example.com',
    version: '1.0',
    lang: 'de',
    route: undefined,
  });
});

test("`content` is the Content-Type of all the session's responses", async () => {
  const client = new BoshClient(bosh.port);
  const created = await client.create({ content: 'text/plain; charset=utf-8', wait: 0 });
  assert.equal(created.headers['content-type'], 'text/plain; charset=utf-8');
  const next = await client.send();
  assert.equal(next.headers['content-type'], 'text/plain; charset=utf-8');
});

test('a `content` that would break the header or mean something to a browser is refused', async () => {
  for (const content of ['text/html&#13;&#10;X-Evil: 1', 'image/svg+xml', 'application/javascript', '']) {
    const { body, headers } = await new BoshClient(bosh.port).create({ content });
    assert.equal(body.attrs['condition'], 'bad-request', content);
    assert.equal(headers['x-evil'], undefined);
  }
});

test('every response forbids what a browser could do with it', async () => {
  const { headers } = await new BoshClient(bosh.port).create({ content: 'text/html' });
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(String(headers['content-security-policy']), /default-src 'none'; sandbox/);
  assert.equal(headers['cache-control'], 'no-store');
});

test('a request without `to` is improper-addressing, one for an unknown domain host-unknown', async () => {
  for (const to of [undefined, '']) {
    const { body } = await new BoshClient(bosh.port).create({ to });
    assert.equal(body.attrs['type'], 'terminate');
    assert.equal(body.attrs['condition'], 'improper-addressing');
  }
  for (const to of ['elsewhere.example', 'not a domain', '@']) {
    const { body } = await new BoshClient(bosh.port).create({ to });
    assert.equal(body.attrs['condition'], 'host-unknown', to);
  }
});

test('a domain is prepared before it is compared', async () => {
  await new BoshClient(bosh.port).create({ to: 'EXAMPLE.com' });
  assert.equal(bosh.upstream.last.header.to, 'example.com');
});

test('numbers that are none are bad-request', async () => {
  for (const attributes of [{ wait: 'long' }, { hold: '-1' }, { ver: 'new' }, { rid: '0' }, { rid: 'x' }]) {
    const { body } = await new BoshClient(bosh.port).create(attributes);
    assert.equal(body.attrs['condition'], 'bad-request', JSON.stringify(attributes));
  }
  const tooHigh = await new BoshClient(bosh.port).create({ rid: '9007199254740992' });
  assert.equal(tooHigh.body.attrs['condition'], 'bad-request', 'above 2^53 - 1');
});

test('a server that cannot be reached is remote-connection-failed', async () => {
  bosh.upstream.automatic = false;
  const before = bosh.upstream.streams.length;
  const answer = new BoshClient(bosh.port).create();
  while (bosh.upstream.streams.length === before) await new Promise(setImmediate);
  bosh.upstream.last.end('remote-connection-failed');
  const { body } = await answer;
  assert.equal(body.attrs['type'], 'terminate');
  assert.equal(body.attrs['condition'], 'remote-connection-failed');
  bosh.upstream.automatic = true;
  bosh.upstream.ready = false;
  const at = await new BoshClient(bosh.port).create();
  assert.equal(at.body.attrs['condition'], 'remote-connection-failed', 'known at once');
  bosh.upstream.ready = true;
});

test('a client that polls gets its answer at once, and identity and features in a later one', async () => {
  bosh.upstream.automatic = false;
  const client = new BoshClient(bosh.port);
  const { body } = await client.create({ wait: 0 });
  assert.ok(body.attrs['sid']);
  assert.equal(body.attrs['from'], undefined);
  assert.equal(body.attrs['authid'], undefined);
  bosh.upstream.last.opened({ id: 'later' });
  bosh.upstream.last.say("<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>");
  const next = await client.send();
  assert.equal(next.body.attrs['from'], 'example.com');
  assert.equal(next.body.attrs['authid'], 'later');
  assert.equal(next.body.attrs['xmpp:version'], '1.0');
  assert.equal(next.body.attrs['sid'], undefined, 'SHOULD NOT be in any other response');
  assert.ok(next.body.getChild('features'));
  bosh.upstream.automatic = true;
});

test('an old client without xmpp:version gets authid as soon as the stream is open', async () => {
  bosh.upstream.automatic = false;
  const client = new BoshClient(bosh.port);
  const before = bosh.upstream.streams.length;
  const answer = client.create({ 'xmpp:version': undefined });
  while (bosh.upstream.streams.length === before) await new Promise(setImmediate);
  assert.equal(bosh.upstream.last.header.version, undefined);
  bosh.upstream.last.opened({ id: 'digest-me', version: undefined });
  const { body } = await answer;
  assert.equal(body.attrs['authid'], 'digest-me');
  assert.equal(body.attrs['xmpp:version'], undefined);
  bosh.upstream.automatic = true;
});

test('without TLS where it is required: see-other-uri', async () => {
  const strict = await startBosh({}, { requireTls: true, publicUrl: 'https://chat.example.com' });
  // What comes straight from this machine needs no TLS; a proxy shows that it does not.
  const local = await new BoshClient(strict.port).create();
  assert.ok(local.body.attrs['sid']);
  const count = strict.upstream.streams.length;
  const headers = { 'X-Forwarded-For': '192.0.2.7' };
  const { body } = await new BoshClient(strict.port).create({}, { headers });
  assert.equal(body.attrs['type'], 'terminate');
  assert.equal(body.attrs['condition'], 'see-other-uri');
  assert.equal(body.getChildText('uri'), 'https://chat.example.com/http-bind');
  assert.equal(strict.upstream.streams.length, count);
  await strict.stop();
});

test('more sessions than allowed, for one address or in all, are refused', async () => {
  const small = await startBosh({ sessionsPerAddress: 2 });
  const first = new BoshClient(small.port);
  await first.create();
  await new BoshClient(small.port).create();
  const { body } = await new BoshClient(small.port).create();
  assert.equal(body.attrs['condition'], 'policy-violation');
  await first.send({ type: 'terminate' });
  assert.ok((await new BoshClient(small.port).create()).body.attrs['sid'], 'one has gone, one may come');
  await small.stop();
});

test('an unknown sid is item-not-found', async () => {
  const client = new BoshClient(bosh.port);
  const { status, body } = await client.send({ sid: 'AAAAAAAAAAAAAAAAAAAAAA' });
  assert.equal(status, 200);
  assert.equal(body.attrs['type'], 'terminate');
  assert.equal(body.attrs['condition'], 'item-not-found');
});

test('attributes of multiple streams are ignored', async () => {
  const client = new BoshClient(bosh.port);
  await client.create();
  const answer = client.send({ to: 'example.com', stream: 'secondStreamName' });
  const count = bosh.upstream.streams.length;
  bosh.upstream.last.say("<message xmlns='jabber:client' id='m1'/>");
  const { body } = await answer;
  assert.equal(body.attrs['stream'], undefined);
  assert.equal(bosh.upstream.streams.length, count, 'no second stream');
  assert.equal(body.getChild('message')?.attrs['id'], 'm1', 'a normal request for payloads');
});

test('a person who opens the address learns that it works', async () => {
  const { status, headers, text } = await post(bosh.port, '', { method: 'GET' });
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /text\/html/);
  assert.match(text, /BOSH endpoint/);
});
