import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Deployment } from '../tools/cli.js';
import { ProcessUnderTest } from '../tools/core-harness.js';
import { type ForeignComponent, startProsodyWith } from '../tools/foreign/component-host.js';
import { RawClient } from '../tools/raw-client.js';

// docs/other-servers.md: Prosody's own vCards are handed over to our component, and back.

const VCARD: ForeignComponent = {
  domain: 'vcard.localhost',
  secret: 'hush',
  delegations: ['vcard-temp'],
  replaces: ['vcard', 'vcard_legacy'],
};
const EXPORTED = `<?xml version='1.0'?>
<server-data xmlns='urn:xmpp:pie:0'>
  <host jid='localhost'>
    <user name='juliet' password='secret'><vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN></vCard></user>
  </host>
</server-data>`;

test('vCards move from a server’s own module to our component behind that server, and what is written there can leave again', async (t) => {
  const server = await startProsodyWith(VCARD, { juliet: 'secret' });
  if (server === undefined) return t.skip('prosody with prosody-modules is not installed');
  t.after(() => server.stop());
  const deployment = new Deployment(t, { COMPONENTS: 'vcard' });
  writeFileSync(join(deployment.folder, 'accounts.xml'), EXPORTED);
  const imported = await deployment.run(['store', 'import', 'accounts.xml']);
  assert.equal(imported.code, 0, imported.error + imported.out);

  const vcard = new ProcessUnderTest('vcard', deployment.folder, {
    STORAGE_URL: `lmdb:${join(deployment.folder, 'data')}`,
    CORE_PORT: String(server.componentPort),
    CORE_DOMAIN: 'localhost',
    VCARD_DOMAIN: VCARD.domain,
    VCARD_SECRET: VCARD.secret,
  });
  t.after(() => vcard.stop());
  const up = performance.now() + 20_000;
  while (!vcard.output.includes('"component.grants"') && !vcard.output.includes('"component.connected"')) {
    assert.ok(performance.now() < up, vcard.output);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const juliet = await RawClient.connect('127.0.0.1', server.c2sPort);
  await juliet.login('juliet', 'secret', 'localhost', 'balcony');
  const get = "<vCard xmlns='vcard-temp'/>";
  assert.match((await juliet.iq('get', get)).source, /Juliet Capulet/);
  const set = await juliet.iq('set', "<vCard xmlns='vcard-temp'><FN>Juliet Montague</FN></vCard>");
  assert.equal(set.type, 'result', set.source);
  await juliet.close();
  await vcard.stop();

  const exported = await deployment.run(['store', 'export', 'back.xml']);
  assert.equal(exported.code, 0, exported.error);
  const back = readFileSync(join(deployment.folder, 'back.xml'), 'utf8');
  assert.match(back, /Juliet Montague/);
  assert.doesNotMatch(back, /Juliet Capulet/);
});
