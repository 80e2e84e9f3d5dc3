import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { CertificatePair } from '../../../shared/tls/make-certificate.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { RawClient } from '../../tools/raw-client.js';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const EXTERNAL = `<auth xmlns='${SASL}' mechanism='EXTERNAL'>=</auth>`;
const folder = mkdtempSync(join(tmpdir(), 'entourage-certificates-'));
const authority = testCertificate(['Authority'], { authority: true });
const own = { localhost: testCertificate(['localhost']), other: testCertificate(['other.example']) };

let core: CoreUnderTest;

before(async () => {
  writeFileSync(join(folder, 'ca.pem'), authority.certificate);
  writePair(join(folder, 'localhost'), own.localhost);
  writePair(join(folder, 'other.example'), own.other);
  core = await CoreUnderTest.start({
    XMPP_DOMAINS: 'localhost,other.example',
    C2S_TLS_PORT: 'auto',
    C2S_REQUIRE_TLS: 'true',
    C2S_CLIENT_CERTIFICATES: 'true',
    C2S_CLIENT_CA: join(folder, 'ca.pem'),
    TLS_CERTS_DIR: folder,
  });
  await core.addUsers('juliet', 'juliet@other.example');
});
after(async () => {
  await core.stop();
  rmSync(folder, { recursive: true });
});

const issued = (...xmppAddresses: string[]) =>
  testCertificate(['A client'], { issuer: authority, xmppAddresses });

/** Opens a secured stream by STARTTLS or direct TLS; resolves with the names of the mechanisms. */
async function opened(direct: boolean, pair: CertificatePair | null, domain = 'localhost') {
  const credentials: ConnectionOptions = pair ? { cert: pair.certificate, key: pair.key } : {};
  let client: RawClient;
  let features: Awaited<ReturnType<RawClient['open']>>;
  if (direct) {
    const { host, port } = core.address('c2s-tls');
    client = await RawClient.connectTls({ host, port, servername: domain, ...credentials });
    features = await client.open(domain);
  } else {
    client = await core.connect();
    await client.open(domain);
    features = await client.startTls(domain, credentials);
  }
  const mechanisms = features.element.getChild('mechanisms', SASL)?.getChildren('mechanism') ?? [];
  return { client, mechanisms: mechanisms.map((each) => each.getText()) };
}

for (const direct of [false, true]) {
  const way = direct ? 'direct TLS' : 'STARTTLS';

  test(`${way}: a certificate with the address of an account logs in without a password`, async (t) => {
    const { client, mechanisms } = await opened(direct, issued('juliet@localhost'));
    t.after(() => client.cut());
    assert.equal(mechanisms[0], 'EXTERNAL');
    client.send(EXTERNAL);
    await client.element('success');
    await client.open('localhost');
    assert.equal(await client.bind('balcony'), 'juliet@localhost/balcony');
  });

  test(`${way}: the stream ends with its certificate (RFC 6120 §13.7.2.3)`, async (t) => {
    const pair = testCertificate(['A client'], {
      issuer: authority,
      xmppAddresses: ['juliet@localhost'],
      notAfter: new Date(Date.now() + 4000), // written in whole seconds
    });
    const { client } = await opened(direct, pair);
    t.after(() => client.cut());
    client.send(EXTERNAL);
    await client.element('success');
    await client.open('localhost');
    await client.bind('short');
    await client.expectStreamError('reset');
  });

  test(`${way}: EXTERNAL is not offered without a certificate that proves something`, async (t) => {
    const expired = { issuer: authority, xmppAddresses: ['juliet@localhost'] };
    for (const pair of [
      null,
      testCertificate(['A client'], { xmppAddresses: ['juliet@localhost'] }),
      testCertificate(['A client'], { ...expired, notAfter: new Date(Date.now() - 1000) }),
      issued('juliet@elsewhere.example'),
    ]) {
      const { client, mechanisms } = await opened(direct, pair);
      t.after(() => client.cut());
      assert.ok(mechanisms.includes('SCRAM-SHA-256'), 'and everything else is');
      assert.ok(!mechanisms.includes('EXTERNAL'));
      client.send(EXTERNAL);
      assert.ok((await client.element('failure')).hasChild('invalid-mechanism', SASL));
    }
  });

  test(`${way}: a certificate with several addresses, on the domain that the stream is for`, async (t) => {
    const both = issued('juliet@localhost', 'juliet@other.example');
    for (const domain of ['localhost', 'other.example']) {
      const { client } = await opened(direct, both, domain);
      t.after(() => client.cut());
      client.send(EXTERNAL);
      await client.element('success');
      await client.open(domain);
      assert.equal(await client.bind('x'), `juliet@${domain}/x`);
    }
  });

  if (!direct) {
    test('STARTTLS without SNI: the certificate follows the to of the stream (RFC 7590 §3.5)', async (t) => {
      for (const [domain, pair] of [
        ['localhost', own.localhost],
        ['other.example', own.other],
      ] as const) {
        const client = await core.connect();
        t.after(() => client.cut());
        await client.open(domain);
        await client.startTls(domain, { servername: '' });
        const { fingerprint256 } = (client.socket as TLSSocket).getPeerCertificate();
        assert.equal(fingerprint256, new X509Certificate(pair.certificate).fingerprint256);
      }
    });
  }

  test(`${way}: the certificate follows SNI, also after a reload, and open streams stay`, async (t) => {
    const shown = async (domain: string) => {
      const { client } = await opened(direct, null, domain);
      t.after(() => client.cut());
      return { client, fingerprint: (client.socket as TLSSocket).getPeerCertificate().fingerprint256 };
    };
    const fingerprint = (pair: CertificatePair) => new X509Certificate(pair.certificate).fingerprint256;
    const earlier = await shown('localhost');
    assert.equal(earlier.fingerprint, fingerprint(own.localhost));
    assert.equal((await shown('other.example')).fingerprint, fingerprint(own.other));
    own.localhost = testCertificate(['localhost']);
    writePair(join(folder, 'localhost'), own.localhost);
    await core.control('reload');
    assert.equal((await shown('localhost')).fingerprint, fingerprint(own.localhost));
    await earlier.client.authenticate('juliet', 'secret', 'localhost');
    await earlier.client.bind('before');
    await earlier.client.ping();
  });
}
