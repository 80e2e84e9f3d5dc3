import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { CertificatePair } from '../../../shared/tls/make-certificate.js';
import { BoshClient, post } from '../../tools/bosh-client.js';
import { type BoshInstance, startInstance } from '../../tools/bosh-instances.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { CoreUnderTest } from '../../tools/core-harness.js';

// HTTPS and wss: by certificate files (`TLS_CERT`, `TLS_KEY`), and by a folder of them (`TLS_CERTS_DIR`).

const folder = mkdtempSync(join(tmpdir(), 'bosh-https-'));
let core: CoreUnderTest;
let bosh: BoshInstance;
const first = testCertificate(['localhost']);

before(async () => {
  const { cert, key } = writePair(join(folder, 'web'), first);
  core = await CoreUnderTest.start({
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'between-us',
    C2S_REQUIRE_TLS: 'true',
  });
  bosh = await startInstance(core, 'a', {
    TLS_CERT: cert,
    TLS_KEY: key,
    BOSH_TLS_PORT: 'auto',
    BOSH_REQUIRE_TLS: 'true',
    BOSH_PUBLIC_URL: 'https://chat.example.com',
  });
});
after(async () => {
  await bosh?.stop();
  await core?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const over = (pair: CertificatePair) => new BoshClient(bosh.tlsPort, 1, { ca: pair.certificate });

/** The certificate that the port shows to a client that asks for that name. */
async function shown(port: number, servername: string): Promise<X509Certificate> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw);
}

test('BOSH and WebSocket over TLS: a session is secure, and host-meta is told', async () => {
  const client = over(first);
  const { text, body } = await client.create({ to: 'localhost' });
  assert.match(text, /<mechanism>SCRAM-SHA-256<\/mechanism>/);
  assert.ok(body.attrs['sid']);
  const socket = new WebSocket(`wss://localhost:${bosh.tlsPort}/xmpp-websocket`, ['xmpp'], {
    ca: first.certificate,
  });
  await once(socket, 'open');
  socket.send("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>");
  assert.match(String((await once(socket, 'message'))[0]), /^<open /);
  assert.match(String((await once(socket, 'message'))[0]), /SCRAM-SHA-256/);
  socket.terminate();
  const meta = await post(bosh.tlsPort, '', {
    ca: first.certificate,
    method: 'GET',
    path: '/.well-known/host-meta.json',
  });
  assert.match(meta.text, /"wss:\/\/chat\.example\.com\/xmpp-websocket"/);
  // The secure session cannot be taken over without TLS (XEP-0124 §"Connection Between Client and BOSH Service").
  const plain = { headers: { 'X-Forwarded-For': '192.0.2.9', 'X-Forwarded-Proto': 'http' } };
  const sentAway = await new BoshClient(bosh.port, 1, plain).create({ to: 'localhost' });
  assert.match(sentAway.text, /see-other-uri.*<uri>https:\/\/chat\.example\.com\/http-bind<\/uri>/);
  const intruder = new BoshClient(bosh.port, client.rid, plain);
  intruder.sid = client.sid;
  await assert.rejects(intruder.send());
  assert.equal((await client.send({ type: 'terminate' })).body.attrs['condition'], undefined);
});

test('old versions of TLS are refused, and plain HTTP on the port of HTTPS', async () => {
  const socket = connect({
    port: bosh.tlsPort,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  await once(socket, 'error');
  await assert.rejects(post(bosh.tlsPort, ''));
});

test('a new certificate is shown after SIGHUP; sessions and connections go on', async () => {
  const client = over(first);
  await client.create({ to: 'localhost', wait: 60 });
  // A request that is held, on a connection made before the change.
  const connection = connect({
    port: bosh.tlsPort,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: first.certificate,
  });
  await once(connection, 'secureConnect');
  const body = client.text();
  connection.write(`POST /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const held = once(connection, 'data');
  const second = testCertificate(['localhost']);
  writePair(join(folder, 'web'), second);
  bosh.process.child.kill('SIGHUP');
  const deadline = performance.now() + 10_000;
  const serial = () => new X509Certificate(second.certificate).serialNumber;
  while ((await shown(bosh.tlsPort, 'localhost')).serialNumber !== serial()) {
    assert.ok(performance.now() < deadline, bosh.process.output);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await assert.rejects(over(first).create({ to: 'localhost' }), /self.signed/i);
  assert.ok((await over(second).create({ to: 'localhost' })).body.attrs['sid']);
  const last = new BoshClient(bosh.tlsPort, client.rid, { ca: second.certificate });
  last.sid = client.sid;
  await last.send({ type: 'terminate' });
  assert.match(String((await held)[0]), /<body[^>]*type='terminate'/);
  connection.destroy();

  // Files that make no pair change nothing.
  writeFileSync(join(folder, 'web.key.new'), 'this is not a key');
  renameSync(join(folder, 'web.key.new'), join(folder, 'web.key'));
  bosh.process.child.kill('SIGHUP');
  await bosh.process.said(/tls\.certificate-invalid/);
  assert.equal((await shown(bosh.tlsPort, 'localhost')).serialNumber, serial());
});

test('a folder of certificates: each name gets its own', async () => {
  for (const name of ['localhost', 'chat.example.com']) {
    writePair(join(folder, name), testCertificate([name]));
  }
  rmSync(join(folder, 'web.crt'));
  rmSync(join(folder, 'web.key'));
  await bosh.stop();
  bosh = await startInstance(core, 'a', { TLS_CERTS_DIR: folder, BOSH_TLS_PORT: 'auto' });
  for (const name of ['localhost', 'chat.example.com']) {
    assert.equal((await shown(bosh.tlsPort, name)).checkHost(name), name);
  }
  // Made while it runs.
  writePair(join(folder, 'new.example'), testCertificate(['new.example']));
  bosh.process.child.kill('SIGHUP');
  await bosh.process.said(/tls\.certificate-loaded.*new\.example/);
  assert.equal((await shown(bosh.tlsPort, 'new.example')).checkHost('new.example'), 'new.example');
});
