import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BoshClient } from '../../tools/bosh-client.js';
import { ProcessUnderTest } from '../../tools/core-harness.js';
import { type Prosody, startProsody } from '../../tools/foreign/prosody.js';
import { connectStrophe, connectXmppClient, type WebClient } from '../../tools/web-clients.js';

// The bosh process in front of somebody else's server, with clients from elsewhere.

let prosody: Prosody | undefined;
let bosh: ProcessUnderTest | undefined;
let folder = '';
let port = 0;

before(async () => {
  prosody = await startProsody({
    users: { juliet: 'secret', romeo: 'secret' },
    modules: ['offline', 'smacks'],
    more: 'Component "conference.localhost" "muc"\n',
  });
  if (prosody === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'bosh-'));
  bosh = new ProcessUnderTest('bosh', folder, {
    BOSH_PORT: 'auto',
    LISTEN_HOST: '127.0.0.1',
    LOG_LEVEL: 'debug',
    BOSH_UPSTREAM: `xmpp://127.0.0.1:${prosody.c2sPort}`,
    BOSH_UPSTREAM_CA: prosody.caPath,
    BOSH_INACTIVITY: '3',
  });
  const addresses = await bosh.ready();
  port = Number(/:(\d+)$/.exec(addresses['http'] ?? '')?.[1]);
});
after(async () => {
  await bosh?.stop();
  await prosody?.stop();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

const without = () => (prosody === undefined ? 'prosody is not installed' : false);

test('the features come without TLS, compression and channel bindings, and without PLAIN in the clear', async (t) => {
  if (without()) return t.skip(String(without()));
  const client = new BoshClient(port);
  // what a proxy of this machine forwards from elsewhere came in the clear; a client on this machine is safe
  const { body, text } = await client.create(
    { to: 'localhost' },
    { headers: { 'X-Forwarded-For': '192.0.2.7' } },
  );
  const features = body.getChild('features', 'http://etherx.jabber.org/streams');
  const mechanisms = features
    ?.getChild('mechanisms')
    ?.getChildren('mechanism')
    .map((one) => one.getText());
  assert.ok(mechanisms?.includes('SCRAM-SHA-1'), text);
  assert.ok(
    !mechanisms?.some((name) => name.endsWith('-PLUS') || name === 'PLAIN' || name === 'EXTERNAL'),
    text,
  );
  assert.equal(features?.getChild('starttls'), undefined);
  assert.equal(body.attrs['from'], 'localhost');
  assert.ok(body.attrs['authid']);
  await client.send({ type: 'terminate' });
});

test('a domain that the server does not have is host-unknown', async (t) => {
  if (without()) return t.skip(String(without()));
  const { body } = await new BoshClient(port).create({ to: 'elsewhere.example' });
  assert.equal(body.attrs['type'], 'terminate');
  assert.match(
    body.attrs['condition'] ?? '',
    /^(host-unknown|remote-stream-error|remote-connection-failed)$/,
  );
});

for (const [label, connectTwo] of [
  [
    'Strophe.js over BOSH and over WebSocket',
    () => [
      connectStrophe(`http://127.0.0.1:${port}/http-bind`, 'juliet@localhost', 'secret'),
      connectStrophe(`ws://127.0.0.1:${port}/xmpp-websocket`, 'romeo@localhost', 'secret'),
    ],
  ],
  [
    '@xmpp/client over WebSocket and Strophe.js over BOSH',
    () => [
      connectXmppClient(`ws://127.0.0.1:${port}/xmpp-websocket`, 'localhost', 'juliet', 'secret'),
      connectStrophe(`http://127.0.0.1:${port}/http-bind`, 'romeo@localhost', 'secret'),
    ],
  ],
] as const) {
  test(`${label}: messages both ways, and a room`, async (t) => {
    if (without()) return t.skip(String(without()));
    const [juliet, romeo] = (await Promise.all(connectTwo())) as [WebClient, WebClient];
    try {
      juliet.sendPresence();
      romeo.sendPresence();
      juliet.sendMessage(romeo.jid, 'Wherefore art thou? & <why> 👋');
      assert.deepEqual(await romeo.next(), { from: juliet.jid, body: 'Wherefore art thou? & <why> 👋' });
      romeo.sendMessage(juliet.jid, 'x'.repeat(50_000));
      assert.equal((await juliet.next()).body.length, 50_000);
      const room = `garden${process.pid}@conference.localhost`;
      juliet.joinRoom(room, 'Juliet');
      juliet.sendMessage(room, 'anyone here?', 'groupchat');
      assert.equal((await juliet.next()).body, 'anyone here?');
    } finally {
      await Promise.all([juliet.stop(), romeo.stop()]);
    }
  });
}

test('a wrong password is an authentication failure, not a broken connection', async (t) => {
  if (without()) return t.skip(String(without()));
  await assert.rejects(
    connectStrophe(`http://127.0.0.1:${port}/http-bind`, 'juliet@localhost', 'wrong'),
    /status 4/,
  );
});

test('what a client did not fetch is answered for when its session ends (XEP-0206, recipient-unavailable)', async (t) => {
  if (without()) return t.skip(String(without()));
  const romeo = await connectXmppClient(
    `ws://127.0.0.1:${port}/xmpp-websocket`,
    'localhost',
    'romeo',
    'secret',
  );
  const juliet = await connectStrophe(`http://127.0.0.1:${port}/http-bind`, 'juliet@localhost', 'secret');
  const bounced = romeo.nextError();
  // Juliet's browser is gone: her session stays for `inactivity`, with nobody to fetch what comes.
  juliet.vanish();
  romeo.sendMessage(juliet.jid, 'are you there?');
  assert.equal(await bounced, 'recipient-unavailable');
  await romeo.stop();
});

test('a server that stops ends its sessions, and clients are told at once', async (t) => {
  if (without()) return t.skip(String(without()));
  const client = new BoshClient(port);
  await client.create({ to: 'localhost' });
  const held = client.send();
  await prosody?.stop();
  const { body } = await held;
  assert.equal(body.attrs['type'], 'terminate');
  const again = await new BoshClient(port).create({ to: 'localhost' });
  assert.equal(again.body.attrs['condition'], 'remote-connection-failed');
});
