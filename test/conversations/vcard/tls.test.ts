import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { testCertificate, writePair } from '../../tools/certificates.js';
import { CoreUnderTest } from '../../tools/core-harness.js';

test('the component port inside TLS: vCards, with the core’s certificate verified', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vcard-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { cert, key } = writePair(join(folder, 'localhost'), testCertificate(['localhost']));
  const core = await CoreUnderTest.start({
    COMPONENTS: 'vcard',
    COMPONENT_VCARD_SECRET: 'hush',
    COMPONENT_TLS_PORT: 'auto',
    TLS_CERT: cert,
    TLS_KEY: key,
  });
  t.after(() => core.stop());
  await core.addUsers('juliet');
  const vcard = await core.component('vcard', {
    CORE_PORT: String(core.address('component-tls').port),
    CORE_TLS: 'true',
    CORE_CA: cert,
  });
  await vcard.said(/"code":"component.connected".*"tls":true/);
  const juliet = await core.login('juliet');
  const answer = await juliet.iq('get', "<vCard xmlns='vcard-temp'/>");
  assert.ok(answer.element.getChild('vCard', 'vcard-temp'), answer.text);
  await juliet.close();
});
