import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { blockList, outcome } from '../../tools/privacy.js';
import { isInstalled, Terminal } from '../../tools/terminal.js';

const PYTHON = '/usr/bin/python3';
// compiled into dist/test/…; the script stays with the sources
const script = join(
  fileURLToPath(import.meta.url),
  '../../../../../test/interop/privacy/slixmpp_blocking.py',
);
const PRIVACY = { COMPONENTS: 'privacy', COMPONENT_PRIVACY_SECRET: 'secret' };

test('slixmpp blocks, hears of it on both devices, unblocks, and uses a privacy list', async (t) => {
  if (spawnSync(PYTHON, ['-c', 'import slixmpp']).status !== 0)
    return t.skip('python3-slixmpp is not installed');
  const core = await CoreUnderTest.start({ ...PRIVACY, C2S_REQUIRE_TLS: 'true' });
  t.after(() => core.stop());
  await core.component('privacy');
  await core.addUsers('romeo', 'tybalt');
  const { host, port } = core.address();
  const child = spawn(PYTHON, [script, host, String(port), 'localhost'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  const code = await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(code, 0, output);
  assert.match(output, /all well/);
});

test('profanity: /blocked add, list, remove', async (t) => {
  if (!(await isInstalled('tmux', '-V'))) return t.skip('tmux is not installed');
  if (!(await isInstalled('profanity', '--version'))) return t.skip('profanity is not installed');
  const core = await CoreUnderTest.start(PRIVACY);
  t.after(() => core.stop());
  await core.component('privacy');
  await core.addUsers('juliet', 'tybalt');
  const { host, port } = core.address();
  const profanity = await Terminal.start('profanity');
  t.after(() => profanity.stop());
  await profanity.shows('/help');
  await profanity.type(`/connect juliet@localhost server ${host} port ${port} tls disable`);
  await profanity.shows('password');
  await profanity.typeHidden('secret');
  await profanity.shows('logged in successfully');
  const tybalt = await core.online('tybalt', 'street');
  const desk = await core.online('juliet', 'desk');
  await profanity.type('/blocked add tybalt@localhost');
  await profanity.shows('User tybalt@localhost');
  assert.deepEqual(await blockList(desk), ['tybalt@localhost']);
  tybalt.send("<message to='juliet@localhost' type='chat' id='t1'><body>villain</body></message>");
  assert.equal(outcome(await tybalt.stanza((stanza) => stanza.id === 't1')), 'service-unavailable');
  await profanity.type('/blocked');
  await profanity.shows('Blocked users');
  await profanity.type('/blocked remove tybalt@localhost');
  await profanity.shows('unblocked');
  assert.deepEqual(await blockList(desk), []);
  await tybalt.close();
  await desk.close();
});
