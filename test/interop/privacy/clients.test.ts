import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { blockList, outcome, PRIVACY_ONLY } from '../../tools/privacy.js';
import { hasPython, pythonScript, runPython } from '../../tools/python.js';
import { isInstalled, Terminal } from '../../tools/terminal.js';

const script = pythonScript('interop', 'privacy', 'slixmpp_blocking.py');
test('slixmpp blocks, hears of it on both devices, unblocks, and uses a privacy list', async (t) => {
  if (!hasPython('slixmpp')) return t.skip('python3-slixmpp is not installed');
  const core = await CoreUnderTest.start({ ...PRIVACY_ONLY, C2S_REQUIRE_TLS: 'true' });
  t.after(() => core.stop());
  await core.component('privacy');
  await core.addUsers('romeo', 'tybalt');
  const { host, port } = core.address();
  const output = await runPython(script, [host, String(port), 'localhost']);
  assert.match(output, /all well/);
});

test('profanity: /blocked add, list, remove', async (t) => {
  if (!(await isInstalled('tmux', '-V'))) return t.skip('tmux is not installed');
  if (!(await isInstalled('profanity', '--version'))) return t.skip('profanity is not installed');
  const core = await CoreUnderTest.start(PRIVACY_ONLY);
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
