import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { type CertificateIdentities, identitiesOf } from '../../../shared/tls/certificate-identities.js';
import { matchesDomain, type XmppService } from '../../../shared/tls/domain-match.js';
import { testCertificate } from '../../tools/certificates.js';

const NONE: CertificateIdentities = { xmppAddr: [], srvName: [], dnsName: [], uri: [], commonName: [] };

type Row = readonly [Partial<CertificateIdentities>, string, XmppService, boolean];

const TABLE: readonly Row[] = [
  // dNSName
  [{ dnsName: ['example.com'] }, 'example.com', 'xmpp-server', true],
  [{ dnsName: ['example.com'] }, 'example.com', 'xmpp-client', true],
  [{ dnsName: ['EXAMPLE.com.'] }, 'example.com', 'xmpp-server', true],
  [{ dnsName: ['example.net', 'example.com'] }, 'example.com', 'xmpp-server', true],
  [{ dnsName: ['example.com'] }, 'im.example.com', 'xmpp-server', false],
  [{ dnsName: ['im.example.com'] }, 'example.com', 'xmpp-server', false],
  [{ dnsName: ['example.com.evil.net'] }, 'example.com', 'xmpp-server', false],
  [{ dnsName: ['xn--bcher-kva.example'] }, 'bücher.example', 'xmpp-server', true],
  [{ dnsName: ['xn--bcher-kva.example'] }, 'bucher.example', 'xmpp-server', false],
  [{ dnsName: ['juliet@example.com'] }, 'example.com', 'xmpp-server', false],
  // wildcards: RFC 6120 §13.7.1.2.1, RFC 6125 §6.4.3
  [{ dnsName: ['*.example.com'] }, 'conference.example.com', 'xmpp-server', true],
  [{ dnsName: ['*.example.com'] }, 'example.com', 'xmpp-server', false],
  [{ dnsName: ['*.example.com'] }, 'a.b.example.com', 'xmpp-server', false],
  [{ dnsName: ['*.EXAMPLE.com'] }, 'im.example.com', 'xmpp-server', true],
  [{ dnsName: ['*.xn--bcher-kva.example'] }, 'im.bücher.example', 'xmpp-server', true],
  [{ dnsName: ['c*.example.com'] }, 'conference.example.com', 'xmpp-server', false],
  [{ dnsName: ['conference.*.com'] }, 'conference.example.com', 'xmpp-server', false],
  [{ dnsName: ['*'] }, 'example', 'xmpp-server', false],
  [{ dnsName: ['*.'] }, 'example.com', 'xmpp-server', false],
  [{ dnsName: ['*.*.com'] }, 'im.example.com', 'xmpp-server', false],
  // SRVName
  [{ srvName: ['_xmpp-server.example.com'] }, 'example.com', 'xmpp-server', true],
  [{ srvName: ['_XMPP-Server.Example.com'] }, 'example.com', 'xmpp-server', true],
  [{ srvName: ['_xmpp-client.example.com'] }, 'example.com', 'xmpp-client', true],
  [{ srvName: ['_xmpp-client.example.com'] }, 'example.com', 'xmpp-server', false],
  [{ srvName: ['_xmpp-server.example.com'] }, 'example.com', 'xmpp-client', false],
  [{ srvName: ['_xmpp-server.*.example.com'] }, 'conference.example.com', 'xmpp-server', true],
  [{ srvName: ['_imap.example.com'] }, 'example.com', 'xmpp-server', false],
  [{ srvName: ['example.com'] }, 'example.com', 'xmpp-server', false],
  // xmppAddr
  [{ xmppAddr: ['example.com'] }, 'example.com', 'xmpp-server', true],
  [{ xmppAddr: ['EXAMPLE.COM'] }, 'example.com', 'xmpp-server', true],
  [{ xmppAddr: ['bücher.example'] }, 'bücher.example', 'xmpp-server', true],
  [{ xmppAddr: ['*.example.com'] }, 'im.example.com', 'xmpp-server', false],
  [{ xmppAddr: ['juliet@example.com'] }, 'example.com', 'xmpp-server', false],
  [{ xmppAddr: ['example.com/x'] }, 'example.com', 'xmpp-server', false],
  // common name, the last resort: RFC 6125 §6.4.4
  [{ commonName: ['example.com'] }, 'example.com', 'xmpp-server', true],
  [{ commonName: ['*.example.com'] }, 'im.example.com', 'xmpp-server', true],
  [{ commonName: ['Example Products, Inc.'] }, 'example.com', 'xmpp-server', false],
  [{ commonName: ['example.com'], dnsName: ['example.net'] }, 'example.com', 'xmpp-server', false],
  [{ commonName: ['example.com'], srvName: ['_imap.example.com'] }, 'example.com', 'xmpp-server', false],
  [{ commonName: ['example.com'], xmppAddr: ['example.net'] }, 'example.com', 'xmpp-server', false],
  [{ commonName: ['example.com'], uri: ['https://example.com'] }, 'example.com', 'xmpp-server', false],
  // addresses
  [{ dnsName: ['192.0.2.1'] }, '192.0.2.1', 'xmpp-server', false],
  [{ commonName: ['192.0.2.1'] }, '192.0.2.1', 'xmpp-server', false],
  [{ dnsName: ['example.com'] }, 'juliet@example.com', 'xmpp-server', false],
  [{ dnsName: ['example.com'] }, '', 'xmpp-server', false],
  [{}, 'example.com', 'xmpp-server', false],
];

test('which certificates are for which domain', () => {
  for (const [identities, domain, service, expected] of TABLE) {
    const row = `${JSON.stringify(identities)} ${domain} ${service}`;
    assert.equal(matchesDomain({ ...NONE, ...identities }, domain, service), expected, row);
  }
});

test('the examples of RFC 6120 §13.7.1.2.2, read from a real certificate', () => {
  const { certificate } = testCertificate(['example.net', '*.example.net'], {
    xmppAddresses: ['example.net', 'chat.example.net'],
    serviceNames: ['_xmpp-client.example.net', '_xmpp-server.example.net', '_xmpp-server.chat.example.net'],
  });
  const identities = identitiesOf(new X509Certificate(certificate).raw);
  assert.deepEqual(identities, {
    commonName: ['example.net'],
    dnsName: ['example.net', '*.example.net'],
    srvName: ['_xmpp-client.example.net', '_xmpp-server.example.net', '_xmpp-server.chat.example.net'],
    uri: [],
    xmppAddr: ['example.net', 'chat.example.net'],
  });
  assert.equal(matchesDomain(identities, 'example.net', 'xmpp-client'), true);
  assert.equal(matchesDomain(identities, 'chat.example.net', 'xmpp-server'), true);
  assert.equal(matchesDomain(identities, 'new.example.net', 'xmpp-server'), true);
  assert.equal(matchesDomain(identities, 'a.new.example.net', 'xmpp-server'), false);
});

test('a certificate cut or changed anywhere never throws, and what is no certificate names nobody', () => {
  const { raw } = new X509Certificate(
    testCertificate(['example.com'], { xmppAddresses: ['a@b'] }).certificate,
  );
  for (let length = 0; length < raw.length; length += 1) {
    assert.deepEqual(identitiesOf(raw.subarray(0, length)), NONE);
  }
  for (let at = 0; at < raw.length; at += 1) {
    const changed = Buffer.from(raw);
    changed[at] = (changed[at] ?? 0) ^ 0xff;
    identitiesOf(changed);
  }
  assert.deepEqual(identitiesOf(Buffer.from('not a certificate')), NONE);
});

test('a name with a NUL inside is nobody’s (the old trick on C programs)', () => {
  const { raw } = new X509Certificate(testCertificate(['example.comx.evil.net']).certificate);
  const changed = Buffer.from(raw.toString('latin1').replaceAll('comx', 'com\0'), 'latin1');
  assert.notDeepEqual(changed, raw);
  assert.deepEqual(identitiesOf(changed).dnsName, []);
  assert.equal(matchesDomain(identitiesOf(changed), 'example.com', 'xmpp-server'), false);
});
