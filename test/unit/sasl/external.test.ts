import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Accounts } from '../../../core-server/accounts/accounts.js';
import { type ClientCertificate, clientCertificateOf } from '../../../core-server/sasl/client-certificate.js';
import { SaslNegotiation, type SaslNegotiationContext } from '../../../core-server/sasl/negotiation.js';
import { ServerCertificates } from '../../../shared/tls/server-certificates.js';
import { jid } from '../../../shared/xmpp/jid.js';
import { testCertificate } from '../../tools/certificates.js';
import { bare, testAccounts, testContext } from '../../tools/sasl.js';
import { recordingLogger } from '../../tools/silent-logger.js';
import { tlsPair } from '../../tools/tls.js';

let accounts: Accounts;

before(async () => {
  accounts = await testAccounts();
  for (const name of ['juliet', 'romeo', 'disabled']) await accounts.create(bare(`${name}@example.com`), 'x');
  await accounts.disable(bare('disabled@example.com'));
});

function certificate(xmppAddr: readonly string[], commonName: readonly string[] = []): ClientCertificate {
  return {
    identities: { xmppAddr, srvName: [], dnsName: [], uri: [], commonName },
    fingerprint: 'AB',
    notAfter: 0,
  };
}

async function outcome(
  clientCertificate: ClientCertificate | null,
  authzid: string,
  changes: Partial<SaslNegotiationContext> = {},
): Promise<string> {
  const negotiation = new SaslNegotiation(testContext(accounts, { clientCertificate, ...changes }));
  const initial = authzid === '' ? '=' : Buffer.from(authzid, 'latin1').toString('base64');
  const reply = await negotiation.begin('EXTERNAL', initial);
  if (reply.kind === 'success') return reply.success.account;
  return reply.kind === 'failure' ? reply.failure.condition : reply.kind;
}

const J = 'juliet@example.com';
const R = 'romeo@example.com';

const TABLE: readonly [string, readonly string[], readonly string[], string, string][] = [
  ['one address, none asked for', [J], [], '', J],
  ['one address, asked for', [J], [], J, J],
  ['one address in capitals', ['JULIET@EXAMPLE.COM'], [], '', J],
  ['one address with a resource', ['juliet@example.com/balcony'], [], '', J],
  ['one address, another asked for', [J], [], R, 'invalid-authzid'],
  ['two addresses, one asked for', [J, R], [], R, R],
  ['two addresses, none asked for', [J, R], [], '', 'invalid-authzid'],
  ['two addresses, one of them registered', [J, 'nurse@example.com'], [], '', J],
  ['two addresses, one of them here', [J, 'romeo@example.net'], [], '', J],
  ['twice the same address', [J, 'Juliet@example.com'], [], '', J],
  ['one that is not registered', ['nurse@example.com'], [], '', 'not-authorized'],
  [
    'one that is not registered, asked for',
    ['nurse@example.com'],
    [],
    'nurse@example.com',
    'invalid-authzid',
  ],
  ['a disabled account', ['disabled@example.com'], [], '', 'account-disabled'],
  ['a common name that is an address', [], [J], '', J],
  ['a common name that is a user name', [], ['juliet'], '', J],
  ['a common name that is nobody', [], ['nurse'], '', 'not-authorized'],
  ['a common name, another asked for', [], ['juliet'], R, 'invalid-authzid'],
  [
    'an address elsewhere rules out the common name',
    ['juliet@example.net'],
    ['juliet'],
    '',
    'invalid-mechanism',
  ],
  ['a common name elsewhere', [], ['juliet@example.net'], '', 'invalid-mechanism'],
  ['a common name that is no user name', [], ['Juliet Capulet'], '', 'invalid-mechanism'],
  ['nothing at all', [], [], '', 'invalid-mechanism'],
  ['a full address asked for', [J], [], `${J}/balcony`, 'invalid-authzid'],
  ['no address asked for', [J], [], 'not an address', 'invalid-authzid'],
  ['an address with NUL', [J], [], `${J}\0`, 'malformed-request'],
  ['no UTF-8', [J], [], 'j\xfcliet@example.com', 'malformed-request'],
];

test('certificates and authorization identities (XEP-0178 §2)', async () => {
  for (const [name, xmppAddr, commonName, authzid, expected] of TABLE) {
    assert.equal(await outcome(certificate(xmppAddr, commonName), authzid), expected, name);
  }
});

test('of several addresses the stream’s from chooses (RFC 6120 §13.7.2.2.1)', async () => {
  assert.equal(await outcome(certificate([J, R]), '', { streamFrom: jid(R) }), R);
  const stranger = { streamFrom: jid('nurse@example.com') };
  assert.equal(await outcome(certificate([J, R]), '', stranger), 'invalid-authzid');
});

test('the common name counts only with the operator’s own authorities', async () => {
  const policy = { plain: true, plainWithoutTls: false, digestMd5: true, external: 'addresses' } as const;
  assert.equal(await outcome(certificate([], ['juliet']), '', { policy }), 'invalid-mechanism');
  assert.equal(await outcome(certificate([J], ['romeo']), '', { policy }), J);
});

test('it is offered first, only where it can succeed', () => {
  const offer = (changes: Partial<SaslNegotiationContext>) =>
    new SaslNegotiation(testContext(accounts, changes)).offer.mechanisms;
  assert.equal(offer({ clientCertificate: certificate([J]) })[0], 'EXTERNAL');
  assert.ok(!offer({}).includes('EXTERNAL'));
  assert.ok(!offer({ clientCertificate: certificate(['juliet@example.net']) }).includes('EXTERNAL'));
  assert.ok(!offer({ clientCertificate: certificate([J]), secure: false }).includes('EXTERNAL'));
  const off = { plain: true, plainWithoutTls: false, digestMd5: true, external: 'off' } as const;
  assert.ok(!offer({ clientCertificate: certificate([J]), policy: off }).includes('EXTERNAL'));
});

test('over a real connection: a signed certificate logs in, others are as if there were none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-external-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const authority = testCertificate(['Authority'], { authority: true });
  writeFileSync(join(folder, 'ca.pem'), authority.certificate);
  const certificates = await ServerCertificates.open({
    settings: {},
    domains: ['example.com'],
    dataFolder: folder,
    log: recordingLogger(),
    watchMilliseconds: 0,
  });
  const options = certificates.serverOptions({ requestCert: true, ca: join(folder, 'ca.pem') });
  const seen = async (pair: { certificate: string; key: string } | null) => {
    const { server } = await tlsPair(t, options, pair ? { cert: pair.certificate, key: pair.key } : {});
    return clientCertificateOf(server);
  };
  const good = await seen(testCertificate(['juliet'], { issuer: authority, xmppAddresses: [J] }));
  assert.deepEqual(good?.identities.xmppAddr, [J]);
  assert.equal(await outcome(good, ''), J);
  assert.equal(await seen(testCertificate(['juliet'], { xmppAddresses: [J] })), null, 'self-signed');
  const expired = { issuer: authority, xmppAddresses: [J], notAfter: new Date(Date.now() - 1000) };
  assert.equal(await seen(testCertificate(['juliet'], expired)), null, 'expired');
  const signer = { issuer: authority, xmppAddresses: [J], authority: true };
  assert.equal(await seen(testCertificate(['juliet'], signer)), null, 'RFC 6120 §13.7.1.1 rule 2');
  assert.equal(await seen(null), null);
});
