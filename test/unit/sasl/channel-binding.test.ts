import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { channelBindingOf } from '../../../core-server/sasl/channel-binding.js';
import { SaslNegotiation } from '../../../core-server/sasl/negotiation.js';
import { DER, readConstructed } from '../../../shared/tls/der.js';
import { der, derBits, derObjectIdentifier, derSequence } from '../../../shared/tls/der-writer.js';
import { ServerCertificates } from '../../../shared/tls/server-certificates.js';
import { endPointHash } from '../../../shared/tls/signature-hash.js';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { bare, ScramClient, testAccounts, testContext } from '../../tools/sasl.js';
import { recordingLogger } from '../../tools/silent-logger.js';
import { tlsPair } from '../../tools/tls.js';

/** A certificate with this AlgorithmIdentifier in place of its own; its signature is not looked at. */
function signedBy(...algorithm: readonly Buffer[]): Buffer {
  const { raw } = new X509Certificate(testCertificate(['example.com']).certificate);
  const [toBeSigned] = readConstructed(raw, DER.sequence);
  assert.ok(toBeSigned);
  return derSequence(
    der(DER.sequence, toBeSigned.contents),
    derSequence(...algorithm),
    derBits(Buffer.alloc(8)),
  );
}

const NULL = Buffer.of(0x05, 0);
const pss = (hash: string) => derSequence(der(0xa0, derSequence(derObjectIdentifier(hash), NULL)));

const ALGORITHMS: readonly [string, readonly Buffer[], string | null][] = [
  ['md5WithRSAEncryption', [derObjectIdentifier('1.2.840.113549.1.1.4'), NULL], 'sha256'],
  ['sha1WithRSAEncryption', [derObjectIdentifier('1.2.840.113549.1.1.5'), NULL], 'sha256'],
  ['sha224WithRSAEncryption', [derObjectIdentifier('1.2.840.113549.1.1.14'), NULL], 'sha224'],
  ['sha256WithRSAEncryption', [derObjectIdentifier('1.2.840.113549.1.1.11'), NULL], 'sha256'],
  ['sha384WithRSAEncryption', [derObjectIdentifier('1.2.840.113549.1.1.12'), NULL], 'sha384'],
  ['sha512WithRSAEncryption', [derObjectIdentifier('1.2.840.113549.1.1.13'), NULL], 'sha512'],
  ['dsa-with-sha1', [derObjectIdentifier('1.2.840.10040.4.3')], 'sha256'],
  ['dsa-with-sha256', [derObjectIdentifier('2.16.840.1.101.3.4.3.2')], 'sha256'],
  ['ecdsa-with-SHA1', [derObjectIdentifier('1.2.840.10045.4.1')], 'sha256'],
  ['ecdsa-with-SHA256', [derObjectIdentifier('1.2.840.10045.4.3.2')], 'sha256'],
  ['ecdsa-with-SHA384', [derObjectIdentifier('1.2.840.10045.4.3.3')], 'sha384'],
  ['ecdsa-with-SHA512', [derObjectIdentifier('1.2.840.10045.4.3.4')], 'sha512'],
  ['RSASSA-PSS, defaults', [derObjectIdentifier('1.2.840.113549.1.1.10'), derSequence()], 'sha256'],
  [
    'RSASSA-PSS, SHA-512',
    [derObjectIdentifier('1.2.840.113549.1.1.10'), pss('2.16.840.1.101.3.4.2.3')],
    'sha512',
  ],
  ['RSASSA-PSS, unknown', [derObjectIdentifier('1.2.840.113549.1.1.10'), pss('1.2.3')], null],
  ['Ed25519', [derObjectIdentifier('1.3.101.112')], null],
  ['Ed448', [derObjectIdentifier('1.3.101.113')], null],
  ['unknown', [derObjectIdentifier('1.2.3.4')], null],
];

test('the hash of tls-server-end-point follows the signature algorithm (RFC 5929 §4.1)', () => {
  for (const [name, algorithm, expected] of ALGORITHMS) {
    assert.equal(endPointHash(signedBy(...algorithm)), expected, name);
  }
  assert.equal(endPointHash(Buffer.from('nonsense')), null);
});

test('the same with certificates that OpenSSL signed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-openssl-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'x.pem');
  for (const [expected, ...args] of [
    ['sha256', '-newkey', 'rsa:2048', '-sha1'],
    ['sha384', '-newkey', 'rsa:2048', '-sha384'],
    ['sha512', '-newkey', 'rsa:2048', '-sha512', '-sigopt', 'rsa_padding_mode:pss'],
    ['sha384', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-sha384'],
    [null, '-newkey', 'ed25519'],
    [null, '-newkey', 'ed448'],
  ] as const) {
    const fixed = ['-nodes', '-subj', '/CN=example.com', '-keyout', join(folder, 'x.key'), '-out', file];
    const { error } = spawnSync('openssl', ['req', '-x509', ...args, ...fixed], { stdio: 'ignore' });
    if (error) return t.skip('openssl is not installed');
    assert.equal(endPointHash(new X509Certificate(readFileSync(file)).raw), expected, args.join(' '));
  }
});

async function certificatesOf(t: TestContext, names: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-binding-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of names) writePair(join(folder, name), testCertificate([name]));
  const certificates = await ServerCertificates.open({
    settings: { TLS_CERTS_DIR: folder },
    domains: [],
    dataFolder: folder,
    log: recordingLogger(),
    watchMilliseconds: 0,
  });
  return certificates;
}

const exported = (socket: TLSSocket) =>
  socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)).toString('hex');

test('TLS 1.3: tls-exporter and tls-server-end-point, as the client sees them', async (t) => {
  const certificates = await certificatesOf(t, ['a.example', 'b.example']);
  const options = certificates.serverOptions();
  const { server, client } = await tlsPair(t, options, { servername: 'b.example' });
  const source = channelBindingOf(server, { tlsUnique: true });
  assert.deepEqual(source.types, ['tls-exporter', 'tls-server-end-point']);
  assert.equal(source.data('tls-exporter')?.toString('hex'), exported(client));
  const { raw } = client.getPeerCertificate();
  assert.deepEqual(raw, new X509Certificate(certificates.choose('b.example').cert).raw);
  assert.deepEqual(source.data('tls-server-end-point'), createHash('sha256').update(raw).digest());
  // not offered, and not refused to who knows no other
  assert.deepEqual(source.data('tls-unique'), client.getFinished());
  assert.equal(channelBindingOf(server, { tlsUnique: false }).data('tls-unique'), null);
  assert.equal(source.data('x'), null);
  const other = await tlsPair(t, options, { servername: 'a.example' });
  const otherSource = channelBindingOf(other.server, { tlsUnique: false });
  for (const type of source.types) assert.notDeepEqual(source.data(type), otherSource.data(type), type);
});

test('TLS 1.2: no tls-exporter; tls-unique only by setting and only in a full handshake', async (t) => {
  const certificates = await certificatesOf(t, ['a.example']);
  const options = certificates.serverOptions();
  const first = await tlsPair(t, options, { maxVersion: 'TLSv1.2' });
  assert.deepEqual(channelBindingOf(first.server, { tlsUnique: false }).types, ['tls-server-end-point']);
  const source = channelBindingOf(first.server, { tlsUnique: true });
  assert.deepEqual(source.types, ['tls-unique', 'tls-server-end-point']);
  assert.deepEqual(source.data('tls-unique'), first.client.getFinished());
});

test('sessions are not resumed, whatever the client remembers', async (t) => {
  const certificates = await certificatesOf(t, ['a.example', 'b.example']);
  const clientOptions = { servername: 'b.example', maxVersion: 'TLSv1.2' } as const;
  const first = await tlsPair(t, certificates.serverOptions(), clientOptions);
  const session = first.client.getSession();
  assert.ok(session);
  const second = await tlsPair(t, certificates.serverOptions(), { ...clientOptions, session });
  assert.equal(second.server.isSessionReused(), false);
});

for (const [maxVersion, types] of [
  ['TLSv1.2', []],
  ['TLSv1.3', ['tls-exporter']],
] as const) {
  test(`were a session of ${maxVersion} resumed, only what is certain would be offered`, async (t) => {
    const pair = testCertificate(['a.example']);
    const secureContext = createSecureContext({ cert: pair.certificate, key: pair.key });
    const first = await tlsPair(t, { secureContext }, { maxVersion });
    const ticket = once(first.client, 'session') as Promise<[Buffer]>;
    first.server.write('x');
    const session = maxVersion === 'TLSv1.3' ? (await ticket)[0] : first.client.getSession();
    const resumed = await tlsPair(t, { secureContext }, { maxVersion, session });
    assert.equal(resumed.server.isSessionReused(), true);
    assert.deepEqual(channelBindingOf(resumed.server, { tlsUnique: true }).types, types);
  });
}

test('SCRAM-SHA-256-PLUS over a real connection: each type, and a man in the middle', async (t) => {
  const certificates = await certificatesOf(t, ['example.com']);
  const accounts = await testAccounts();
  await accounts.create(bare('juliet@example.com'), 'r0m30');
  const logIn = async (server: TLSSocket, type: string, binding: Buffer) => {
    const channelBinding = channelBindingOf(server, { tlsUnique: true });
    const negotiation = new SaslNegotiation(testContext(accounts, { channelBinding }));
    const client = new ScramClient({
      username: 'juliet',
      password: 'r0m30',
      gs2: `p=${type},,`,
      binding,
    });
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const challenge = await negotiation.begin('SCRAM-SHA-256-PLUS', base64(client.first()));
    if (challenge.kind !== 'challenge') return challenge.kind;
    const final = client.final(Buffer.from(challenge.data, 'base64').toString());
    return (await negotiation.respond(base64(final))).kind;
  };
  const endPoint = (socket: TLSSocket) =>
    createHash('sha256').update(socket.getPeerCertificate().raw).digest();
  const modern = await tlsPair(t, certificates.serverOptions());
  const keying = Buffer.from(exported(modern.client), 'hex');
  assert.equal(await logIn(modern.server, 'tls-exporter', keying), 'success');
  assert.equal(await logIn(modern.server, 'tls-server-end-point', endPoint(modern.client)), 'success');
  assert.equal(await logIn(modern.server, 'tls-unique', keying), 'failure');
  const old = await tlsPair(t, certificates.serverOptions(), { maxVersion: 'TLSv1.2' });
  const finished = old.client.getFinished();
  assert.ok(finished);
  assert.equal(await logIn(old.server, 'tls-unique', finished), 'success');
  const middle = await tlsPair(t, certificates.serverOptions());
  assert.equal(await logIn(middle.server, 'tls-exporter', keying), 'failure', 'bound to another connection');
  const heard = modern.client.getFinished();
  assert.ok(heard);
  assert.equal(await logIn(modern.server, 'tls-unique', heard), 'success');
  assert.equal(await logIn(middle.server, 'tls-unique', heard), 'failure', 'bound to another connection');
});
