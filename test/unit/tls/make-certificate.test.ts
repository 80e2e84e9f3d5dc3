import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { identitiesOf } from '../../../shared/tls/certificate-identities.js';
import { testCertificate } from '../../tools/certificates.js';

test('a self-signed certificate has its names, key, validity and use', () => {
  const notAfter = new Date('2051-02-03T04:05:06Z');
  const pair = testCertificate(['example.org', '*.example.org', 'bücher.example', '127.0.0.1', '::1'], {
    notAfter,
  });
  const certificate = new X509Certificate(pair.certificate);
  assert.equal(certificate.subject, 'CN=example.org');
  assert.ok(certificate.verify(certificate.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(pair.key)));
  assert.equal(
    certificate.subjectAltName,
    'DNS:example.org, DNS:*.example.org, DNS:xn--bcher-kva.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  );
  assert.equal(Date.parse(certificate.validTo), notAfter.getTime(), 'GeneralizedTime from 2050 on');
  assert.equal(certificate.ca, false);
});

test('XMPP names are what our own reader finds', () => {
  const pair = testCertificate(['example.org'], {
    xmppAddresses: ['juliet@example.org'],
    serviceNames: ['_xmpp-server.example.org'],
  });
  const found = identitiesOf(new X509Certificate(pair.certificate).raw);
  assert.deepEqual(found.xmppAddr, ['juliet@example.org']);
  assert.deepEqual(found.srvName, ['_xmpp-server.example.org']);
  assert.deepEqual(found.dnsName, ['example.org']);
});

test('an authority signs for others, and TLS believes the chain on both sides', async (t) => {
  const authority = testCertificate(['Test authority'], { authority: true });
  const server = testCertificate(['server.example'], { issuer: authority });
  const client = testCertificate(['client.example'], { issuer: authority });
  const listener = createServer({
    key: server.key,
    cert: server.certificate,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => listener.close());
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const socket = connect({
    port: (listener.address() as AddressInfo).port,
    host: '127.0.0.1',
    servername: 'server.example',
    ca: authority.certificate,
    key: client.key,
    cert: client.certificate,
  });
  await once(socket, 'secureConnect');
  const [peer] = await accepted;
  assert.equal(peer.authorized, true);
  assert.equal(peer.getPeerCertificate().subject.CN, 'client.example');
  socket.destroy();
  peer.destroy();
});
