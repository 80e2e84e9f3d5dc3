import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { coreSettings } from '../../../core-server/settings.js';
import { loadSettings } from '../../../shared/settings/load.js';
import { SettingsError } from '../../../shared/settings/settings-error.js';
import { testCertificate } from '../../tools/certificates.js';

/** Names of the settings that are wrong in this environment. */
function wrong(environment: Record<string, string>): string[] {
  try {
    loadSettings(coreSettings, { process: 'core', environment, dotenvPath: '/nonexistent/.env' });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(({ name }) => name);
  }
}

test('components that keep unshared state refuse to be shared; grants are read before anything starts', () => {
  for (const name of ['vcard', 'pep']) {
    assert.deepEqual(wrong({ COMPONENTS: name, [`COMPONENT_${name.toUpperCase()}_CONFLICT`]: 'share' }), []);
  }
  assert.deepEqual(
    wrong({
      COMPONENTS: 'muc,privacy,vcard',
      COMPONENT_MUC_CONFLICT: 'share',
      COMPONENT_PRIVACY_CONFLICT: 'share',
      COMPONENT_VCARD_GRANTS: 'delegate:vcard-temp nonsense',
    }).sort(),
    ['COMPONENT_MUC_CONFLICT', 'COMPONENT_PRIVACY_CONFLICT', 'COMPONENT_VCARD_GRANTS'],
  );
});

test('each domain has one owner, and a component of somebody else a secret', () => {
  assert.deepEqual(wrong({ COMPONENTS: 'none' }), []);
  assert.deepEqual(
    wrong({
      XMPP_DOMAINS: 'example.org,example.net',
      COMPONENTS: 'muc,pep',
      COMPONENT_MUC_DOMAIN: 'example.net',
      COMPONENT_PEP_DOMAIN: 'irc.example.org',
      COMPONENT_IRC_DOMAIN: 'irc.example.org',
    }),
    ['COMPONENT_MUC_DOMAIN', 'COMPONENT_IRC_DOMAIN', 'COMPONENT_IRC_SECRET'],
  );
  assert.deepEqual(wrong({ COMPONENTS: 'muc,mcu' }), ['COMPONENT_MCU_SECRET']);
  assert.deepEqual(wrong({ COMPONENTS: 'muc,irc', COMPONENT_IRC_SECRET: 'secret' }), []);
});

test('what is wrong with one component hides nothing of the others, nor the rest of its own', () => {
  assert.deepEqual(
    wrong({
      XMPP_DOMAINS: 'not a domain',
      COMPONENTS: 'muc,irc',
      COMPONENT_MUC_CONFLICT: 'share',
      COMPONENT_IRC_NAMESPACE_VERSION: '3',
      COMPONENT_IRC_GRANTS: 'fly:high',
    }).sort(),
    [
      'COMPONENT_IRC_GRANTS',
      'COMPONENT_IRC_NAMESPACE_VERSION',
      'COMPONENT_IRC_SECRET',
      'COMPONENT_MUC_CONFLICT',
      'XMPP_DOMAINS',
    ],
  );
});

test('addresses, contacts, files and rules between settings are all looked at, whatever else is wrong', () => {
  assert.deepEqual(
    wrong({
      C2S_PORT: 'many',
      XMPP_DOMAINS: ',',
      ADMINS: 'juliet',
      CONTACT_ADDRESSES: 'abuse=somebody',
      S2S_DNS_SERVERS: 'nope',
      S2S_CA: 'only:/nowhere/ca.pem',
      C2S_CLIENT_CA: '/',
      TLS_CERTS_DIR: '/nowhere',
      TLS_KEY: '/dev/null',
    }).sort(),
    [
      'ADMINS',
      'C2S_CLIENT_CA',
      'C2S_PORT',
      'CONTACT_ADDRESSES',
      'S2S_CA',
      'S2S_DNS_SERVERS',
      'TLS_CERT',
      'TLS_CERTS_DIR',
      'XMPP_DOMAINS',
    ],
  );
  assert.deepEqual(
    wrong({
      ADMINS: 'juliet@example.org',
      CONTACT_ADDRESSES: 'abuse=mailto:abuse@example.org,support=xmpp:help@example.org',
      S2S_DNS_SERVERS: '192.0.2.1,192.0.2.1:5353,2001:db8::1,[2001:db8::1]:53',
    }),
    [],
  );
});

test('a domain that cannot be one is named, before anything is made for it', () => {
  assert.deepEqual(wrong({ XMPP_DOMAINS: 'example.org,a..b' }), ['XMPP_DOMAINS']);
  assert.deepEqual(wrong({ COMPONENT_MUC_DOMAIN: 'a..b' }), ['COMPONENT_MUC_DOMAIN']);
  assert.deepEqual(wrong({ XMPP_DOMAINS: 'Example.org.,müller.example,[2001:db8::1],192.0.2.1' }), []);
  assert.deepEqual(wrong({ RESUMPTION_LOCATION: 'somewhere else' }), ['RESUMPTION_LOCATION']);
  for (const location of ['xmpp.example.org', 'xmpp.example.org:5222', '[2001:db8::1]:5222', '192.0.2.1'])
    assert.deepEqual(wrong({ RESUMPTION_LOCATION: location }), []);
});

test('a file of trust anchors without a certificate is wrong: it would trust nobody, without a word', () => {
  const none = fileURLToPath(import.meta.url);
  assert.deepEqual(wrong({ S2S_CA: none, C2S_CLIENT_CA: none, COMPONENT_CA: none }).sort(), [
    'C2S_CLIENT_CA',
    'COMPONENT_CA',
    'S2S_CA',
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'entourage-anchors-'));
  try {
    const file = join(folder, 'ca.pem');
    writeFileSync(file, `# ours\n${testCertificate(['example.org']).certificate}`);
    assert.deepEqual(wrong({ S2S_CA: `only:${file}`, C2S_CLIENT_CA: file }), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
