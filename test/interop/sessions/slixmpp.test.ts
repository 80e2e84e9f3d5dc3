import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { hasPython, pythonScript, runPython } from '../../tools/python.js';

const script = pythonScript('interop', 'sessions', 'slixmpp_sessions.py');

test('slixmpp resumes, gets carbons and is spared while inactive', async (t) => {
  if (!hasPython('slixmpp')) return t.skip('python3-slixmpp is not installed');
  const core = await CoreUnderTest.start({ C2S_REQUIRE_TLS: 'true' });
  try {
    await core.addUsers('romeo', 'juliet');
    const { host, port } = core.address();
    const output = await runPython(script, [host, String(port), 'localhost']);
    assert.match(output, /all well/);
  } finally {
    await core.stop();
  }
});
