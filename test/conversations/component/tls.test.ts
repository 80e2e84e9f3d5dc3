import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testCertificate } from '../../tools/certificates.js';
import { componentBefore } from '../../tools/component.js';
import { FakeServer, within } from '../../tools/fake-server.js';

const SLOW = { refused: { first: 60_000, most: 60_000 } };

async function tlsServer(names: readonly string[]) {
  const pair = testCertificate(names);
  const server = await FakeServer.listen({ tls: { cert: pair.certificate, key: pair.key } });
  return { server, ca: pair.certificate };
}

test('a stream inside TLS, its certificate verified for the name that was expected', async (t) => {
  const { server, ca } = await tlsServer(['capulet.lit']);
  const { component } = await componentBefore(t, { server, tls: { ca, servername: 'capulet.lit' } });
  const started = component.start();
  const stream = await server.accept();
  await stream.establish(['urn:xmpp:ping']);
  await within(started, 'start');
  assert.ok(component.server.features.has('urn:xmpp:ping'));
});

for (const [what, names, trusted] of [
  ['a certificate for another name', ['montague.lit'], true],
  ['a certificate that nobody we trust has signed', ['capulet.lit'], false],
] as const) {
  test(`${what} gets no handshake, and no hammering`, async (t) => {
    const { server, ca } = await tlsServer(names);
    const { component, log } = await componentBefore(t, {
      server,
      tls: { servername: 'capulet.lit', ...(trusted ? { ca } : {}) },
      timing: SLOW,
    });
    void component.start();
    const end = performance.now() + 5_000;
    const failure = () => log.lines.find(({ code }) => code === 'component.connect-failed');
    while (failure() === undefined && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.match(String(failure()?.['condition']), trusted ? /ALTNAME/ : /SELF_SIGNED|UNABLE_TO/);
    assert.ok(Number(failure()?.['retryInMilliseconds']) >= 30_000);
    assert.equal(component.health.connected, false);
  });
}

test('a server without TLS where TLS is wanted is not spoken to', async (t) => {
  const server = await FakeServer.listen();
  const { component } = await componentBefore(t, {
    server,
    tls: { servername: 'capulet.lit' },
    timing: SLOW,
  });
  void component.start();
  const stream = await server.accept();
  stream.socket.removeAllListeners('data');
  const first = await within(
    new Promise<Buffer>((resolve) => stream.socket.once('data', resolve)),
    'the first bytes',
  );
  assert.equal(first[0], 0x16, 'a TLS record');
  stream.write("<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>");
  assert.equal(await stream.closed(), 'socket');
  assert.equal(component.health.connected, false);
});
