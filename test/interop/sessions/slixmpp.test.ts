import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CoreUnderTest } from '../../tools/core-harness.js';

const PYTHON = '/usr/bin/python3';
// compiled into dist/test/…; the script stays with the sources
const script = join(
  fileURLToPath(import.meta.url),
  '../../../../../test/interop/sessions/slixmpp_sessions.py',
);

test('slixmpp resumes, gets carbons and is spared while inactive', async (t) => {
  if (spawnSync(PYTHON, ['-c', 'import slixmpp']).status !== 0)
    return t.skip('python3-slixmpp is not installed');
  const core = await CoreUnderTest.start({ C2S_REQUIRE_TLS: 'true' });
  try {
    await core.addUsers('romeo', 'juliet');
    const { host, port } = core.address();
    const child = spawn(PYTHON, [script, host, String(port), 'localhost'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0, output);
    assert.match(output, /all well/);
  } finally {
    await core.stop();
  }
});
