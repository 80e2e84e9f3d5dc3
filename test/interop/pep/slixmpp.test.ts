import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { hasPython, pythonScript, runPython } from '../../tools/python.js';

const script = pythonScript('interop', 'pep', 'slixmpp_pep.py');

test('slixmpp publishes and receives moods, tunes, nicknames and avatars', async (t) => {
  if (!hasPython('slixmpp')) return t.skip('python3-slixmpp is not installed');
  const core = await CoreUnderTest.start({ COMPONENTS: 'pep', COMPONENT_PEP_SECRET: 'hush' });
  try {
    await core.addUsers('romeo', 'juliet');
    await core.component('pep');
    const { host, port } = core.address();
    const output = await runPython(script, [host, String(port), 'localhost']);
    assert.match(output, /all well/);
  } finally {
    await core.stop();
  }
});
