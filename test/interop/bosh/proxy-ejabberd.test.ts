import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BoshClient } from '../../tools/bosh-client.js';
import { ProcessUnderTest } from '../../tools/core-harness.js';
import { type Ejabberd, startEjabberd } from '../../tools/foreign/ejabberd.js';
import { connectStrophe } from '../../tools/web-clients.js';

// The bosh process in front of ejabberd, whose accounts are made through it in-band.

let ejabberd: Ejabberd | undefined;
let bosh: ProcessUnderTest | undefined;
let folder = '';
let port = 0;

before(async () => {
  ejabberd = await startEjabberd({ modules: '  mod_offline: {}\n' });
  if (ejabberd === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'bosh-'));
  bosh = new ProcessUnderTest('bosh', folder, {
    BOSH_PORT: 'auto',
    LISTEN_HOST: '127.0.0.1',
    BOSH_UPSTREAM: `xmpp://127.0.0.1:${ejabberd.c2sPort}`,
    BOSH_UPSTREAM_CA: ejabberd.caPath,
  });
  port = Number(/:(\d+)$/.exec((await bosh.ready())['http'] ?? '')?.[1]);
});
after(async () => {
  await bosh?.stop();
  await ejabberd?.stop();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

async function register(user: string): Promise<void> {
  const client = new BoshClient(port);
  await client.create({ to: 'localhost' });
  const { body } = await client.send(
    {},
    `<iq xmlns='jabber:client' type='set' id='r'><query xmlns='jabber:iq:register'><username>${user}</username><password>secret</password></query></iq>`,
  );
  assert.equal(body.getChild('iq')?.attrs['type'], 'result');
  await client.send({ type: 'terminate' });
}

test('features, log-in and messages, over BOSH and WebSocket', async (t) => {
  if (ejabberd === undefined) return t.skip('ejabberd is not installed');
  const { text } = await new BoshClient(port).create({ to: 'localhost' });
  assert.match(text, /SCRAM-SHA-1</);
  assert.doesNotMatch(text, /starttls|-PLUS/);
  await register('juliet');
  await register('romeo');
  const juliet = await connectStrophe(`http://127.0.0.1:${port}/http-bind`, 'juliet@localhost', 'secret');
  const romeo = await connectStrophe(`ws://127.0.0.1:${port}/xmpp-websocket`, 'romeo@localhost', 'secret');
  juliet.sendPresence();
  romeo.sendPresence();
  juliet.sendMessage(romeo.jid, 'hello 👋');
  assert.deepEqual(await romeo.next(), { from: juliet.jid, body: 'hello 👋' });
  romeo.sendMessage(juliet.jid, 'x'.repeat(100_000));
  assert.equal((await juliet.next()).body.length, 100_000);
  await Promise.all([juliet.stop(), romeo.stop()]);
});
