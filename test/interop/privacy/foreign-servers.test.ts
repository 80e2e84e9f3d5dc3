import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ProcessUnderTest } from '../../tools/core-harness.js';
import {
  type ForeignComponent,
  startEjabberdWith,
  startProsodyWith,
} from '../../tools/foreign/component-host.js';
import type { ForeignServer } from '../../tools/foreign/server.js';
import {
  block,
  blockList,
  configure,
  outcome,
  privacyGet,
  privacySet,
  unblock,
} from '../../tools/privacy.js';
import { RawClient } from '../../tools/raw-client.js';

// Servers that delegate but do not speak the privacy enforcement protocol.
const PRIVACY: ForeignComponent = {
  domain: 'privacy.localhost',
  secret: 'hush',
  delegations: ['jabber:iq:privacy', 'urn:xmpp:blocking'],
};

test('Prosody (delegation :2): refused, or lists without enforcement', async (t) => {
  const server = await startProsodyWith(PRIVACY, { juliet: 'secret' });
  if (server === undefined) return t.skip('prosody with prosody-modules is not installed');
  t.after(() => server.stop());
  await conversation(t, server);
});

test('ejabberd (delegation :1): refused, or lists without enforcement', async (t) => {
  const server = await startEjabberdWith(PRIVACY, { juliet: 'secret' });
  if (server === undefined) return t.skip('ejabberd is not installed');
  t.after(() => server.stop());
  await conversation(t, server);
});

async function conversation(t: TestContext, server: ForeignServer): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'privacy-'));
  const running: ProcessUnderTest[] = [];
  // the folder goes last: a process that still writes to it would keep it, and the hooks behind would not run
  t.after(async () => {
    for (const each of running) await each.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = (settings: Record<string, string>): ProcessUnderTest => {
    const started = new ProcessUnderTest('privacy', folder, {
      CORE_PORT: String(server.componentPort),
      CORE_DOMAIN: 'localhost',
      PRIVACY_DOMAIN: PRIVACY.domain,
      PRIVACY_SECRET: PRIVACY.secret,
      ...settings,
    });
    running.push(started);
    return started;
  };
  const refused = start({});
  const late = setTimeout(() => refused.child.kill('SIGKILL'), 30_000);
  const [code] = (await once(refused.child, 'exit')) as [number | null];
  clearTimeout(late);
  assert.equal(code, 1, refused.output);
  await refused.said(/privacy\.cannot-enforce.*ALLOW_UNENFORCED=true/s);

  const allowed = start({ ALLOW_UNENFORCED: 'true' });
  await allowed.ready();
  await allowed.said(/privacy\.unenforced/);
  const juliet = await RawClient.connect('127.0.0.1', server.c2sPort);
  await juliet.login('juliet', 'secret', 'localhost', 'r');
  assert.deepEqual(await blockList(juliet), []);
  await block(juliet, 'tybalt@example.net');
  assert.deepEqual(await blockList(juliet), ['tybalt@example.net']);
  await configure(
    juliet,
    "<list name='l'><item type='subscription' value='none' action='deny' order='1'/></list>",
    "<default name='l'/>",
  );
  const names = (await privacyGet(juliet)).element.getChild('query');
  assert.equal(names?.getChild('default')?.attrs['name'], 'l');
  assert.equal(outcome(await privacySet(juliet, "<list name='none'/>")), 'item-not-found');
  // only an enforcing server knows sessions
  assert.equal(outcome(await privacySet(juliet, "<active name='l'/>")), 'feature-not-implemented');
  await unblock(juliet);
  await juliet.close();
}
