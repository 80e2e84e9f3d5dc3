import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer } from 'node:tls';
import { createMetrics } from '../../../shared/observability/metrics.js';
import {
  ServerCertificates,
  type ServerCertificatesOptions,
} from '../../../shared/tls/server-certificates.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { recordingLogger } from '../../tools/silent-logger.js';
import { tlsPair } from '../../tools/tls.js';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'entourage-tls-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

async function open(t: TestContext, options: Partial<ServerCertificatesOptions> = {}) {
  const log = recordingLogger();
  const certificates = await ServerCertificates.open({
    settings: {},
    domains: ['example.com'],
    dataFolder: folder(t),
    log,
    watchMilliseconds: 0,
    ...options,
  });
  t.after(() => certificates.close());
  return { certificates, log, codes: () => log.lines.map(({ code }) => code) };
}

/** The fingerprint of what a client is shown. */
async function shown(t: TestContext, certificates: ServerCertificates, servername?: string): Promise<string> {
  const { client } = await tlsPair(t, certificates.serverOptions(), servername ? { servername } : {});
  const fingerprint = client.getPeerCertificate().fingerprint256;
  client.destroy();
  return fingerprint;
}

const fingerprintOf = (pem: string) => new X509Certificate(pem).fingerprint256;

test('with none configured each domain gets a self-signed one, once', async (t) => {
  const dataFolder = folder(t);
  const domains = ['example.com', 'bücher.example', '127.0.0.1'];
  const first = await open(t, { dataFolder, domains });
  assert.deepEqual(first.codes().filter((code) => code === 'tls.self-signed-made').length, 3);
  assert.ok(!first.codes().includes('tls.domain-not-covered') || domains.includes('127.0.0.1'));
  const files = readdirSync(join(dataFolder, 'tls')).sort();
  assert.deepEqual(files, ['127.0.0.1.pem', 'example.com.pem', 'xn--bcher-kva.example.pem']);
  for (const file of files) assert.equal(statSync(join(dataFolder, 'tls', file)).mode & 0o777, 0o600);
  assert.equal(statSync(join(dataFolder, 'tls')).mode & 0o777, 0o700);

  const again = await open(t, { dataFolder, domains });
  assert.ok(!again.codes().includes('tls.self-signed-made'));
  const fingerprints = (each: ServerCertificates) => each.all.map(({ fingerprint }) => fingerprint);
  assert.deepEqual(fingerprints(first.certificates), fingerprints(again.certificates));

  const { identities } = first.certificates.choose('example.com');
  assert.deepEqual(identities.dnsName, ['example.com', '*.example.com']);
  assert.deepEqual(identities.xmppAddr, ['example.com']);
  assert.deepEqual(identities.srvName, ['_xmpp-client.example.com', '_xmpp-server.example.com']);
  const german = first.certificates.choose('bücher.example');
  assert.deepEqual(german.identities.xmppAddr, ['bücher.example']);
  assert.equal(
    first.certificates.covering('conference.example.com', 'xmpp-server'),
    first.certificates.all[0],
  );
  assert.ok(!JSON.stringify(first.log.lines).includes('PRIVATE KEY'));
});

test('an expired self-signed one is made anew, one that cannot be read is not overwritten', async (t) => {
  const dataFolder = folder(t);
  await open(t, { dataFolder });
  const file = join(dataFolder, 'tls', 'example.com.pem');
  const old = testCertificate(['example.com'], { notAfter: new Date(Date.now() - 1000) });
  writeFileSync(file, old.certificate + old.key);
  const renewed = await open(t, { dataFolder });
  assert.ok(renewed.codes().includes('tls.self-signed-made'));
  assert.notEqual(renewed.certificates.all[0]?.fingerprint, fingerprintOf(old.certificate));
  writeFileSync(file, 'precious');
  await assert.rejects(open(t, { dataFolder }), /cannot be used; remove it/);
  assert.equal(readFileSync(file, 'utf8'), 'precious');
});

test('processes that start at once share one self-signed certificate', async (t) => {
  const dataFolder = folder(t);
  const opened = await Promise.all([1, 2, 3].map(() => open(t, { dataFolder })));
  const fingerprints = new Set(opened.map(({ certificates }) => certificates.all[0]?.fingerprint));
  assert.equal(fingerprints.size, 1);
  assert.deepEqual(readdirSync(join(dataFolder, 'tls')), ['example.com.pem']);
});

test('the certificate is chosen by SNI: own file, covering, domain above, default', async (t) => {
  const path = folder(t);
  const pairs = {
    main: testCertificate(['main.example']),
    own: testCertificate(['example.com']),
    wildcard: testCertificate(['*.wild.example', 'wild.example']),
    above: testCertificate(['upper.example']),
    odd: testCertificate(['something.else']),
  };
  const main = writePair(join(path, 'main'), pairs.main);
  const certs = folder(t);
  writePair(join(certs, 'example.com'), pairs.own);
  writePair(join(certs, 'wild.example'), pairs.wildcard);
  writePair(join(certs, 'upper.example'), pairs.above);
  writePair(join(certs, 'odd.example'), pairs.odd); // for this name, whatever is in it
  const { certificates, codes } = await open(t, {
    settings: { TLS_CERT: main.cert, TLS_KEY: main.key, TLS_CERTS_DIR: certs },
    domains: ['example.com', 'nowhere.example'],
  });
  const table: readonly [string | undefined, { certificate: string }][] = [
    ['example.com', pairs.own],
    ['EXAMPLE.com', pairs.own],
    ['im.wild.example', pairs.wildcard],
    ['a.b.wild.example', pairs.wildcard],
    ['conference.upper.example', pairs.above],
    ['odd.example', pairs.odd],
    ['something.else', pairs.odd],
    ['nowhere.example', pairs.main],
    [undefined, pairs.main],
  ];
  for (const [name, { certificate }] of table) {
    assert.equal(await shown(t, certificates, name), fingerprintOf(certificate), name);
  }
  const byStreamHeader = await tlsPair(t, certificates.serverOptions({ domain: 'example.com' }));
  assert.equal(
    byStreamHeader.client.getPeerCertificate().fingerprint256,
    fingerprintOf(pairs.own.certificate),
  );
  assert.ok(codes().includes('tls.domain-not-covered'));
  assert.equal(certificates.covering('example.com', 'xmpp-server')?.cert, pairs.own.certificate);
  assert.equal(certificates.covering('nowhere.example', 'xmpp-server'), undefined);
});

test('reloading changes new handshakes and leaves open connections alone', async (t) => {
  const path = folder(t);
  const first = testCertificate(['example.com']);
  const files = writePair(join(path, 'a'), first);
  const metrics = createMetrics({ process: 'test' });
  const { certificates } = await open(t, {
    settings: { TLS_CERT: files.cert, TLS_KEY: files.key },
    metrics,
  });
  const server = createServer(certificates.serverOptions());
  t.after(() => server.close());
  certificates.onChange(() => server.setSecureContext(certificates.serverOptions()));
  const before = await tlsPair(t, certificates.serverOptions());

  const second = testCertificate(['example.com'], { notAfter: new Date('2040-01-01T00:00:00Z') });
  writePair(join(path, 'a'), second);
  assert.equal(await certificates.checkFiles(), true);
  assert.equal(await certificates.checkFiles(), false, 'nothing changed since');
  assert.equal(await shown(t, certificates), fingerprintOf(second.certificate));
  assert.equal(await shown(t, certificates, 'example.com'), fingerprintOf(second.certificate));
  const echoed = new Promise((resolve) => before.client.once('data', resolve));
  before.server.write('still here');
  assert.equal(String(await echoed), 'still here');
  assert.match(await metrics.expose(), /xmpp_cert_not_after_seconds\{[^}]*\} 2208988800/);
});

test('bad new files are reported, and the old certificate stays', async (t) => {
  const path = folder(t);
  const good = testCertificate(['example.com']);
  const files = writePair(join(path, 'a'), good);
  const { certificates, codes } = await open(t, { settings: { TLS_CERT: files.cert, TLS_KEY: files.key } });
  const breakages: readonly [string, () => void, RegExp][] = [
    ['a key of another', () => writeFileSync(files.key, testCertificate(['x']).key), /is not the key of/],
    ['no key', () => writeFileSync(files.key, 'nothing'), /holds no private key/],
    ['no certificate', () => writeFileSync(files.cert, 'nothing'), /holds no certificate/],
    ['nothing there', () => rmSync(files.cert), /cannot be read/],
  ];
  for (const [name, break_, problem] of breakages) {
    break_();
    const report = await certificates.reload();
    assert.match(report.problems.join(), problem, name);
    assert.equal(report.loaded, 1);
    assert.equal(await shown(t, certificates), fingerprintOf(good.certificate), name);
  }
  assert.ok(codes().includes('tls.certificate-invalid'));
  const next = testCertificate(['example.com']);
  writePair(join(path, 'a'), next);
  assert.deepEqual((await certificates.reload()).problems, []);
  assert.equal(await shown(t, certificates), fingerprintOf(next.certificate));
});

test('a renewed link is noticed, as ACME clients make it', async (t) => {
  const path = folder(t);
  const old = writePair(join(path, 'old'), testCertificate(['example.com']));
  const fresh = writePair(join(path, 'new'), testCertificate(['example.com']));
  const link = (name: string, to: string) => {
    rmSync(join(path, name), { force: true });
    symlinkSync(to, join(path, name));
  };
  link('live.crt', old.cert);
  link('live.key', old.key);
  const { certificates } = await open(t, {
    settings: { TLS_CERT: join(path, 'live.crt'), TLS_KEY: join(path, 'live.key') },
  });
  link('live.crt', fresh.cert);
  assert.equal(await certificates.checkFiles(), true, 'half of a renewal');
  assert.equal(await shown(t, certificates), fingerprintOf(readFileSync(old.cert, 'utf8')));
  link('live.key', fresh.key);
  assert.equal(await certificates.checkFiles(), true);
  assert.equal(await shown(t, certificates), fingerprintOf(readFileSync(fresh.cert, 'utf8')));
});

test('a configured certificate that cannot be used at the start is an error', async (t) => {
  const path = folder(t);
  await assert.rejects(open(t, { settings: { TLS_CERT: join(path, 'none') } }), /cannot be read/);
  await assert.rejects(open(t, { settings: { TLS_CERTS_DIR: path } }), /the folder has none/);
  await assert.rejects(
    open(t, { settings: { TLS_CERTS_DIR: join(path, 'none') } }),
    /TLS_CERTS_DIR cannot be read/,
  );
});

test('one that expires soon is announced', async (t) => {
  const path = folder(t);
  const pair = testCertificate(['example.com'], { notAfter: new Date(Date.now() + 86_400_000) });
  const files = writePair(join(path, 'a'), pair);
  const { codes } = await open(t, { settings: { TLS_CERT: files.cert, TLS_KEY: files.key } });
  assert.ok(codes().includes('tls.certificate-expires'));
});

test('old TLS and weak suites are refused', async (t) => {
  const { certificates } = await open(t);
  for (const options of [
    { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
    { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:@SECLEVEL=0' },
    { maxVersion: 'TLSv1.2', ciphers: 'aNULL:eNULL:@SECLEVEL=0' },
    { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' },
  ] as const) {
    await assert.rejects(tlsPair(t, certificates.serverOptions(), options), JSON.stringify(options));
  }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { client } = await tlsPair(t, certificates.serverOptions(), { maxVersion });
    assert.equal(client.getProtocol(), maxVersion);
  }
});

test('a peer’s certificate is judged, and its connection goes on either way', async (t) => {
  const path = folder(t);
  const authority = testCertificate(['Authority'], { authority: true });
  writeFileSync(join(path, 'ca.pem'), authority.certificate);
  const { certificates } = await open(t);
  const options = certificates.serverOptions({ requestCert: true, ca: join(path, 'ca.pem') });
  const expired = { issuer: authority, notAfter: new Date(Date.now() - 1000) };
  for (const [pair, authorized] of [
    [testCertificate(['juliet'], { issuer: authority }), true],
    [testCertificate(['juliet'], expired), false],
    [testCertificate(['juliet']), false],
    [testCertificate(['juliet'], { issuer: testCertificate(['Authority'], { authority: true }) }), false],
    [null, false],
  ] as const) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const servername of ['', 'example.com']) {
        const credentials = pair ? { cert: pair.certificate, key: pair.key } : {};
        const { server } = await tlsPair(t, options, { ...credentials, maxVersion, servername });
        assert.equal(server.authorized, authorized);
        assert.equal(Boolean(server.authorizationError), !authorized);
      }
    }
  }
  assert.throws(() => certificates.serverOptions({ ca: join(path, 'none.pem') }));
  writeFileSync(join(path, 'ca.pem'), 'broken');
  assert.equal((await certificates.reload()).problems.length, 1);
  const good = testCertificate(['juliet'], { issuer: authority });
  const stillGood = await tlsPair(
    t,
    certificates.serverOptions({ requestCert: true, ca: join(path, 'ca.pem') }),
    {
      cert: good.certificate,
      key: good.key,
    },
  );
  assert.equal(stillGood.server.authorized, true);
});
