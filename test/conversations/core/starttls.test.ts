import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';

const TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
let core: CoreUnderTest;
before(async () => {
  core = await CoreUnderTest.start({ C2S_REQUIRE_TLS: 'true', C2S_TLS_PORT: 'auto' });
  await core.addUsers('romeo');
});
after(() => core.stop());

test('RFC 6120 §5.3.1, §5.4.1: STARTTLS is offered as required, and then nothing else is', async () => {
  const client = await core.connect();
  const features = await client.open('localhost');
  assert.deepEqual(
    features.children().map((child) => child.name),
    ['starttls'],
  );
  assert.ok(features.element.getChild('starttls', TLS)?.getChild('required'));
  client.cut();
});

test('RFC 6120 §5.4: proceed, a TLS handshake, a new stream whose features are without STARTTLS', async () => {
  const client = await core.connect();
  await client.open('localhost');
  const features = await client.startTls('localhost');
  assert.ok(!features.hasChild('starttls', TLS));
  assert.ok(features.hasChild('mechanisms', 'urn:ietf:params:xml:ns:xmpp-sasl'));
  assert.match(String((client.socket as TLSSocket).getProtocol()), /^TLSv1\.[23]$/);
  await client.authenticate('romeo', 'secret', 'localhost');
  assert.equal(await client.bind('orchard'), 'romeo@localhost/orchard');
  await client.ping();
  await client.close();
});

test('RFC 6120 §5.4.2.2: STARTTLS inside TLS is a failure, and the stream ends', async () => {
  const client = await core.connect();
  await client.open('localhost');
  await client.startTls('localhost');
  client.send(`<starttls xmlns='${TLS}'/>`);
  assert.equal((await client.element('failure')).namespace, TLS);
  assert.equal((await client.next()).kind, 'closed');
  client.cut();
});

test('RFC 6120 §5.4.3.3: what was sent behind <starttls/> in the clear is never taken for what came inside TLS', async () => {
  const client = await core.connect();
  await client.open('localhost');
  client.send(`<starttls xmlns='${TLS}'/><stream:stream xmlns='jabber:client'>`);
  for (;;) {
    const next = await client.next();
    if (next.kind === 'lost') break;
    assert.ok(next.kind === 'element' && next.stanza.name === 'proceed', 'nothing but the end may follow');
  }
});

test('white space behind <starttls/> is no data', async () => {
  const client = await core.connect();
  await client.open('localhost');
  client.send(' ');
  const features = await client.startTls('localhost', {}, '\r\n');
  assert.ok(features.hasChild('mechanisms', 'urn:ietf:params:xml:ns:xmpp-sasl'));
  client.cut();
});

test('RFC 6120 §5.4.3.2: a failed handshake ends the connection, and the server serves on', async () => {
  const client = await core.connect();
  await client.open('localhost');
  client.send(`<starttls xmlns='${TLS}'/>`);
  await client.element('proceed');
  client.send('this is not a handshake, whatever it is');
  for (;;) if ((await client.next()).kind === 'lost') break;
  const other = await core.connect();
  await other.open('localhost');
  other.cut();
});

test('a handshake may come in pieces, be they single bytes', async () => {
  const client = await core.connect();
  await client.open('localhost');
  client.send(`<starttls xmlns='${TLS}'/>`);
  await client.element('proceed');
  const plain = client.socket;
  let bytes = 0;
  await secureOver(client, async (chunk) => {
    // the first one by itself, five by twos, then as they are
    for (let size = 0; chunk.length > 0; chunk = chunk.subarray(size)) {
      size = bytes === 0 ? 1 : bytes < 10 ? 2 : chunk.length;
      bytes += size;
      plain.write(chunk.subarray(0, size));
      if (bytes < 12) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const features = await client.open('localhost');
  assert.ok(features.hasChild('mechanisms', 'urn:ietf:params:xml:ns:xmpp-sasl'));
  await client.authenticate('romeo', 'secret', 'localhost');
  plain.destroy();
});

test('RFC 6120 §5.4.3.1: whoever begins no handshake is let go in time, and is told nothing more in the clear', async (t) => {
  const strict = await CoreUnderTest.start({ C2S_TLS_PORT: 'auto', LIMIT_UNAUTHENTICATED_SECONDS: '1' });
  t.after(() => strict.stop());
  const { host, port } = strict.address('c2s-tls');
  const mute = await RawClient.connect(host, port);
  const between = await strict.connect();
  await between.open('localhost');
  between.send(`<starttls xmlns='${TLS}'/>`);
  await between.element('proceed');
  between.transcript = '';
  for (const client of [mute, between]) {
    for (;;) if ((await client.next()).kind === 'lost') break;
    assert.equal(client.transcript, '');
  }
});

test('RFC 8446 §5.2: what was not sent by the peer ends the connection', async () => {
  const { host, port } = core.address('c2s-tls');
  for (const direct of [true, false]) {
    const client = direct ? await RawClient.connect(host, port) : await core.connect();
    if (!direct) {
      await client.open('localhost');
      client.send(`<starttls xmlns='${TLS}'/>`);
      await client.element('proceed');
    }
    const plain = client.socket;
    await secureOver(client, async (chunk) => void plain.write(chunk));
    await client.open('localhost');
    plain.write(Buffer.concat([Buffer.of(0x17, 3, 3, 0, 40), Buffer.alloc(40)]));
    await once(plain, 'end');
    plain.destroy();
  }
});

test('RFC 6120 §4.9.3.17: connections that have ended count no more, wherever they were on their way to TLS', async (t) => {
  const strict = await CoreUnderTest.start({ C2S_REQUIRE_TLS: 'true', LIMIT_CONNECTIONS_PER_ADDRESS: '2' });
  t.after(() => strict.stop());
  for (let i = 0; i < 3; i++) {
    const before = await strict.connect();
    await before.open('localhost');
    await ended(before);
    const between = await strict.connect();
    await between.open('localhost');
    between.send(`<starttls xmlns='${TLS}'/>`);
    await between.element('proceed');
    await ended(between);
    const inside = await strict.connect();
    await inside.open('localhost');
    await inside.startTls('localhost');
    await ended(inside);
  }
});

test('RFC 7590 §3.4, RFC 6120 §13.8: nothing older than TLS 1.2', async () => {
  const { host, port } = core.address('c2s-tls');
  for (const maxVersion of ['TLSv1.1', 'TLSv1'] as const) {
    await assert.rejects(
      RawClient.connectTls({ host, port, minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }),
    );
  }
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const client = await RawClient.connectTls({ host, port, minVersion: version, maxVersion: version });
    await client.open('localhost');
    client.cut();
  }
});

test('XEP-0368 §2: TLS from the first byte, with ALPN, and no STARTTLS inside', async () => {
  const { host, port } = core.address('c2s-tls');
  const client = await RawClient.connectTls({ host, port, ALPNProtocols: ['xmpp-client'] });
  assert.equal((client.socket as TLSSocket).alpnProtocol, 'xmpp-client');
  const features = await client.open('localhost');
  assert.ok(!features.hasChild('starttls', TLS));
  await client.authenticate('romeo', 'secret', 'localhost');
  await client.bind(null);
  await client.ping();
  await client.close();
  // somebody else's protocol is turned away by the handshake
  await new Promise<void>((resolve, reject) => {
    const wrong = connect({ host, port, ALPNProtocols: ['h2'], rejectUnauthorized: false });
    wrong.once('secureConnect', () => reject(new Error('h2 was accepted')));
    wrong.once('error', () => resolve());
  });
  // and without ALPN it works all the same
  const plain = await RawClient.connectTls({ host, port });
  await plain.open('localhost');
  plain.cut();
});

test('plain XML on the TLS port ends that connection only', async () => {
  const { host, port } = core.address('c2s-tls');
  const client = await RawClient.connect(host, port);
  client.send("<stream:stream xmlns='jabber:client' to='localhost'>");
  for (;;) if ((await client.next()).kind === 'lost') break;
  const other = await RawClient.connectTls({ host, port });
  await other.open('localhost');
  other.cut();
});

test('a burst that is more than a TLS stream takes at once arrives whole, and what comes after it too', async () => {
  const login = async (resource: string): Promise<RawClient> => {
    const { host, port } = core.address('c2s-tls');
    const client = await RawClient.connectTls({ host, port });
    await client.open('localhost');
    await client.authenticate('romeo', 'secret', 'localhost');
    await client.bind(resource);
    return client;
  };
  const receiver = await login('receiver');
  const sender = await login('sender');
  const message = (id: string, length: number) =>
    `<message to='romeo@localhost/receiver' id='${id}'><body>${'x'.repeat(length)}</body></message>`;
  sender.send(Array.from({ length: 30 }, (_, i) => message(`m${i}`, 50_000)).join(''));
  for (let i = 0; i < 30; i++) assert.equal((await receiver.element('message')).id, `m${i}`);
  sender.send(message('after', 10));
  assert.equal((await receiver.element('message')).id, 'after');
  await sender.close();
  await receiver.close();
});

/** Ends the client's side in order and waits until the server has ended its own. */
async function ended(client: RawClient): Promise<void> {
  client.socket.end();
  for (;;) if ((await client.next()).kind === 'lost') return;
}

/** TLS on the client's socket, whose bytes go out by `write`. */
async function secureOver(client: RawClient, write: (chunk: Buffer) => Promise<void>): Promise<void> {
  const plain = client.socket;
  plain.removeAllListeners();
  plain.on('error', () => {});
  const between = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => void write(chunk).then(() => done(), done),
  });
  plain.on('data', (chunk: Buffer) => between.push(chunk));
  const secure = connect({ socket: between, rejectUnauthorized: false, servername: 'localhost' });
  await once(secure, 'secureConnect');
  client.continueOver(secure);
}
