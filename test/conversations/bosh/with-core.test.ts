import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BoshClient, post } from '../../tools/bosh-client.js';
import { CoreUnderTest, type ProcessUnderTest } from '../../tools/core-harness.js';
import { connectStrophe, connectXmppClient } from '../../tools/web-clients.js';

// The bosh process and our core, joined by the client link, with clients from elsewhere.

let core: CoreUnderTest;
let bosh: ProcessUnderTest;
let port = 0;

async function startBosh(settings: Record<string, string> = {}): Promise<void> {
  bosh = await core.component('bosh', { BOSH_PORT: 'auto', BOSH_INACTIVITY: '2', ...settings });
  port = Number(/:(\d+)$/.exec((await bosh.ready())['http'] ?? '')?.[1]);
}

before(async () => {
  core = await CoreUnderTest.start({
    COMPONENTS: 'bosh',
    COMPONENT_BOSH_SECRET: 'between-us',
    C2S_REQUIRE_TLS: 'true',
    XMPP_DOMAINS: 'localhost,other.example',
  });
  await core.addUsers('juliet', 'romeo', 'tybalt@other.example');
  await startBosh();
});
after(() => core.stop());

const bosh_ = () => `http://127.0.0.1:${port}/http-bind`;
const websocket = () => `ws://127.0.0.1:${port}/xmpp-websocket`;

test('only mechanisms that show no password are offered', async () => {
  const client = new BoshClient(port);
  const { body, text } = await client.create({ to: 'localhost' });
  const mechanisms = body
    .getChild('features', 'http://etherx.jabber.org/streams')
    ?.getChild('mechanisms')
    ?.getChildren('mechanism')
    .map((one) => one.getText());
  assert.ok(mechanisms !== undefined && mechanisms.length > 0, text);
  assert.ok(
    mechanisms.every((name) => /^SCRAM-SHA-(1|256|512)$/.test(name)),
    text,
  );
  assert.doesNotMatch(text, /starttls|compress|channel-binding/);
  assert.equal(body.attrs['from'], 'localhost');
  assert.ok(body.attrs['authid']);
  await client.send({ type: 'terminate' });
});

test('any of the hosted domains may be asked for, and no other', async () => {
  const { body } = await new BoshClient(port).create({ to: 'other.example' });
  assert.equal(body.attrs['from'], 'other.example');
  assert.equal(
    (await new BoshClient(port).create({ to: 'elsewhere.example' })).body.attrs['condition'],
    'host-unknown',
  );
});

test('Strophe.js over BOSH, @xmpp/client over WebSocket: messages both ways, small and large', async () => {
  const [juliet, romeo] = await Promise.all([
    connectStrophe(bosh_(), 'juliet@localhost', 'secret'),
    connectXmppClient(websocket(), 'localhost', 'romeo', 'secret'),
  ]);
  juliet.sendPresence();
  romeo.sendPresence();
  juliet.sendMessage(romeo.jid, 'Wherefore art thou? & <why> 👋');
  assert.deepEqual(await romeo.next(), { from: juliet.jid, body: 'Wherefore art thou? & <why> 👋' });
  // Larger than the window of 64 KiB.
  romeo.sendMessage(juliet.jid, 'ü'.repeat(60_000));
  assert.equal((await juliet.next()).body, 'ü'.repeat(60_000));
  for (let i = 0; i < 500; i++) romeo.sendMessage(juliet.jid, `${i} ${'x'.repeat(1_000)}`);
  for (let i = 0; i < 500; i++) assert.match((await juliet.next()).body, new RegExp(`^${i} `));
  for (let i = 0; i < 200; i++) juliet.sendMessage(romeo.jid, `${i}`);
  for (let i = 0; i < 200; i++) assert.equal((await romeo.next()).body, `${i}`);
  await Promise.all([juliet.stop(), romeo.stop()]);
});

test('no client can break the link that all share', async () => {
  const bystander = new BoshClient(port);
  await bystander.create({ to: 'localhost' });
  const quiet = bystander.send();
  const prefixes = Array.from({ length: 28 }, (_, k) => `xmlns:p${k}='urn:${'x'.repeat(20_000)}${k}'`).join(
    ' ',
  );
  const uses = Array.from({ length: 28 }, (_, k) => `p${k}:a='1'`).join(' ');
  const attempts: [string, string][] = [
    ['deep', `<message xmlns='jabber:client'>${'<a>'.repeat(70)}${'</a>'.repeat(70)}</message>`],
    [
      'attributes',
      `<message xmlns='jabber:client' ${Array.from({ length: 60 }, (_, k) => `a${k}=''`).join(' ')}/>`,
    ],
    ['large', `<message xmlns='jabber:client'><body>${'x'.repeat(300_000)}</body></message>`],
    ['quotes', `<message xmlns='jabber:client' id="${"'".repeat(200_000)}"/>`],
  ];
  for (const [what, payload] of attempts) {
    const client = new BoshClient(port);
    await client.create({ to: 'localhost' });
    const { body } = await client.send({}, payload);
    assert.match(String(body.attrs['condition']), /policy-violation|bad-request/, what);
  }
  const inheriting = new BoshClient(port);
  await inheriting.create({ to: 'localhost' });
  const text = inheriting
    .text({}, `<message xmlns='jabber:client' ${uses}/>`)
    .replace('<body ', `<body ${prefixes} `);
  assert.match(String((await post(port, text)).body.attrs['condition']), /policy-violation|bad-request/);
  await new BoshClient(port).create({ to: 'localhost', from: `${'x'.repeat(200_000)}@localhost`, wait: 1 });
  const restarting = new BoshClient(port);
  await restarting.create({ to: 'localhost', wait: 1 });
  await restarting.send({ 'xmpp:restart': 'true', to: 'y'.repeat(200_000) });
  let ended = false;
  quiet.then(() => {
    ended = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(ended, false, 'the others go on');
  await bystander.send({ type: 'terminate' });
  await quiet;
});

test('a wrong password is an authentication failure', async () => {
  await assert.rejects(connectStrophe(bosh_(), 'juliet@localhost', 'wrong'), /status 4/);
});

test('a client over TCP and one over BOSH talk to each other', async () => {
  const juliet = await connectStrophe(bosh_(), 'juliet@localhost', 'secret');
  const romeo = await connectStrophe(websocket(), 'romeo@localhost', 'secret');
  juliet.sendMessage('romeo@localhost', 'stored: he is not available');
  romeo.sendPresence();
  assert.equal((await romeo.next()).body, 'stored: he is not available');
  await Promise.all([juliet.stop(), romeo.stop()]);
});

test('what a vanished client did not fetch is stored, and delivered at the next log-in', async () => {
  const romeo = await connectXmppClient(websocket(), 'localhost', 'romeo', 'secret');
  const juliet = await connectStrophe(bosh_(), 'juliet@localhost', 'secret');
  juliet.sendPresence();
  romeo.sendMessage('juliet@localhost', 'you get this');
  assert.equal((await juliet.next()).body, 'you get this');
  // Her next request shows that she has it; before that it might be stored as well.
  await new Promise((resolve) => setTimeout(resolve, 500));
  juliet.vanish();
  romeo.sendMessage(juliet.jid, 'you are gone');
  // Her session ends after `inactivity`; then the message is stored.
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  const again = await connectXmppClient(websocket(), 'localhost', 'juliet', 'secret');
  again.sendPresence();
  assert.equal((await again.next()).body, 'you are gone');
  await Promise.all([again.stop(), romeo.stop()]);
});

test('a core that stops ends the sessions, and they come back when it does', async () => {
  const client = new BoshClient(port);
  await client.create({ to: 'localhost' });
  const held = client.send();
  await core.restart();
  const { body } = await held;
  assert.equal(body.attrs['type'], 'terminate');
  assert.match(
    String(body.attrs['condition']),
    /^(remote-connection-failed|system-shutdown|remote-stream-error)$/,
  );
  await bosh.ready();
  const deadline = performance.now() + 15_000;
  let sid: string | undefined;
  while (sid === undefined && performance.now() < deadline) {
    sid = (await new BoshClient(port).create({ to: 'localhost' })).body.attrs['sid'];
    if (sid === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(sid, 'sessions can be created again');
});

test('a component that restarts ends its sessions: clients are told, others see them leave', async () => {
  const client = new BoshClient(port);
  await client.create({ to: 'localhost' });
  const held = client.send();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await bosh.stop();
  const { body } = await held;
  assert.equal(body.attrs['condition'], 'system-shutdown');
  await startBosh();
  const after = await client.send().catch(() => undefined);
  assert.equal(after, undefined, 'the old port is gone');
  const reconnected = await connectStrophe(bosh_(), 'juliet@localhost', 'secret');
  await reconnected.stop();
});
