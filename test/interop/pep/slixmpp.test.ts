import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CoreUnderTest } from '../../tools/core-harness.js';

const PYTHON = '/usr/bin/python3';
// compiled into dist/test/…; the script stays with the sources
const script = join(fileURLToPath(import.meta.url), '../../../../../test/interop/pep/slixmpp_pep.py');

test('slixmpp publishes and receives moods, tunes, nicknames and avatars', async (t) => {
  if (spawnSync(PYTHON, ['-c', 'import slixmpp']).status !== 0)
    return t.skip('python3-slixmpp is not installed');
  const core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' });
  try {
    await core.addUsers('romeo', 'juliet');
    await core.component('pep');
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
  } finally {
    await core.stop();
  }
});
