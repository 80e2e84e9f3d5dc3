import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { client, xml } from '@xmpp/client';
import { compiledRoot } from '../../../shared/settings/registry.js';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { isInstalled, Terminal } from '../../tools/terminal.js';

const PYTHON = '/usr/bin/python3'; // Debian's, which Debian's packages are for
const script = join(compiledRoot, '..', 'test', 'interop', 'muc', 'slixmpp_room.py');
const ROOM = 'menagerie@chat.localhost';

/** A process's output, and waiting for a part of it. */
function reading(child: ChildProcess): {
  text(): string;
  shows(part: string): Promise<void>;
  ended: Promise<number | null>;
} {
  let output = '';
  let wake: (() => void) | null = null;
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
    wake?.();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  void ended.then(() => wake?.());
  return {
    text: () => output,
    ended,
    async shows(part) {
      const end = performance.now() + 30_000;
      while (!output.includes(part)) {
        if (performance.now() > end || child.exitCode !== null) throw new Error(`never: ${part}\n${output}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 100);
        });
      }
    },
  };
}

async function start(t: TestContext): Promise<CoreUnderTest> {
  const core = await CoreUnderTest.start({
    COMPONENTS: 'muc',
    COMPONENT_MUC_DOMAIN: 'chat.localhost',
    COMPONENT_MUC_SECRET: 'secret',
  });
  t.after(() => core.stop());
  await core.addUsers('snake', 'node', 'prof', 'raw');
  await core.component('muc', { MUC_DOMAIN: 'chat.localhost' });
  return core;
}

test('slixmpp, @xmpp/client, profanity and a raw stream in one room at once', async (t) => {
  if (!(await isInstalled(PYTHON, '-c', 'import slixmpp'))) return t.skip('python3-slixmpp is not installed');
  if (!(await isInstalled('tmux', '-V'))) return t.skip('tmux is not installed');
  if (!(await isInstalled('profanity', '--version'))) return t.skip('profanity is not installed');
  const core = await start(t);
  const { host, port } = core.address();

  const child = spawn(PYTHON, [script, host, String(port), 'localhost', ROOM, 'node', 'prof', 'raw'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const python = reading(child);
  await python.shows('ready');

  const raw = await core.online('raw');
  raw.send(`<presence to='${ROOM}/raw'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
  await raw.stanza((stanza) => stanza.name === 'presence' && stanza.from === `${ROOM}/raw`);

  const profanity = await Terminal.start('profanity');
  t.after(() => profanity.stop());
  await profanity.shows('/help');
  await profanity.type(`/connect prof@localhost server ${host} port ${port} tls disable`);
  await profanity.shows('password');
  await profanity.typeHidden('secret');
  await profanity.shows('logged in successfully');
  await profanity.type(`/join ${ROOM} nick prof`);
  await profanity.shows('Menagerie');

  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  const node = client({
    service: `xmpp://${host}:${port}`,
    domain: 'localhost',
    username: 'node',
    password: 'secret',
    resource: 'node',
  });
  node.timeout = 20_000;
  const heard: string[] = [];
  node.on('error', () => {});
  node.on('stanza', (stanza) => {
    const body = stanza.is('message') ? stanza.getChildText('body') : null;
    if (body !== null) heard.push(`${stanza.attrs['from']}: ${body}`);
  });
  await node.start();
  t.after(() => node.stop());
  await node.send(
    xml('presence', { to: `${ROOM}/node` }, xml('x', { xmlns: 'http://jabber.org/protocol/muc' })),
  );

  // Everybody is in: slixmpp speaks first, then the others.
  await raw.stanza((stanza) => stanza.name === 'message' && stanza.text.includes('ssss from slixmpp'));
  await profanity.shows('ssss from slixmpp');
  raw.send(`<message to='${ROOM}' type='groupchat' id='r'><body>roar from raw</body></message>`);
  await node.send(
    xml('message', { to: ROOM, type: 'groupchat', id: 'n' }, xml('body', {}, 'neigh from node')),
  );
  await profanity.type('purr from profanity');
  for (const text of ['roar from raw', 'neigh from node', 'purr from profanity']) {
    await profanity.shows(text);
    await raw.stanza((stanza) => stanza.name === 'message' && stanza.text.includes(text));
  }
  await profanity.shows('What animals say');
  await python.shows('done');
  assert.equal(await python.ended, 0, python.text());
  for (const line of ['snake: ssss from slixmpp', 'raw: roar from raw', 'prof: purr from profanity'])
    assert.ok(heard.includes(`${ROOM}/${line}`), heard.join('\n'));
  // A mediated invitation and a private message reach profanity as it understands them.
  raw.send(`<message to='${ROOM}/prof' type='chat' id='pm'><body>only for you</body></message>`);
  await profanity.type('/win 3');
  await profanity.shows('only for you');
  await raw.close();
});

test('poezio makes a room, talks in it with a raw stream, changes its subject and sees who comes and goes', async (t) => {
  if (!(await isInstalled('tmux', '-V'))) return t.skip('tmux is not installed');
  if (!(await isInstalled('poezio', '--version'))) return t.skip('poezio is not installed');
  const core = await start(t);
  const { host, port } = core.address();
  const pem = readFileSync(join(core.dataFolder, 'tls', 'localhost.pem'), 'utf8');
  const ca = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n/s.exec(pem)?.[0] ?? '';
  const settings = {
    jid: 'prof@localhost',
    password: 'secret',
    custom_host: host,
    custom_port: String(port),
    ca_cert_path: 'ca.pem',
    rooms: `${ROOM}/prof`,
    use_remote_bookmarks: 'false',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  const poezio = await Terminal.start('poezio', {
    files: { 'ca.pem': ca, 'config/poezio/poezio.cfg': `[Poezio]\n${lines.join('')}` },
    unprivileged: true,
  });
  t.after(() => poezio.stop());
  await poezio.shows('1.menagerie', 30_000);
  await poezio.key('C-n');
  // What is typed before the room is open goes elsewhere; `prof` alone is on every screen.
  await poezio.shows('You (prof) joined the room');
  // §10.1.2: it is told that it has made the room, and opens it as it is.
  await poezio.type('/configure');
  await poezio.shows('Configuration for "menagerie"');
  await poezio.key('C-y');
  const raw = await core.online('raw');
  // Until the form has come the room is its owner's alone (§10.1.3).
  let joined = false;
  for (const end = performance.now() + 15_000; !joined && performance.now() < end; ) {
    raw.send(`<presence to='${ROOM}/raw'><x xmlns='http://jabber.org/protocol/muc'/></presence>`);
    const answer = await raw.stanza((stanza) => stanza.name === 'presence' && stanza.from === `${ROOM}/raw`);
    joined = answer.type === undefined;
    if (!joined) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(joined, await poezio.screen());
  await poezio.shows('raw');
  await poezio.type('croak from poezio');
  await raw.stanza((stanza) => stanza.name === 'message' && stanza.text.includes('croak from poezio'));
  raw.send(`<message to='${ROOM}' type='groupchat' id='r'><body>roar from raw</body></message>`);
  await poezio.shows('roar from raw');
  await poezio.type('/subject What frogs say');
  await raw.stanza((stanza) => stanza.name === 'message' && stanza.text.includes('What frogs say'));
  await poezio.shows('What frogs say');
  await poezio.type('/nick frog');
  await raw.stanza((stanza) => stanza.name === 'presence' && stanza.from === `${ROOM}/frog`);
  await poezio.type('/kick raw too loud');
  const kicked = await raw.stanza(
    (stanza) => stanza.name === 'presence' && stanza.type === 'unavailable' && stanza.from === `${ROOM}/raw`,
  );
  assert.match(kicked.text, /too loud/);
  assert.match(kicked.text, /code='307'/);
  await poezio.shows('has been kicked');
  await raw.close();
});
