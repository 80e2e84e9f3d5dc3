import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { nextMessage } from '../../tools/pep/pubsub.js';
import { hasPython, pythonScript, runPython } from '../../tools/python.js';

const script = pythonScript('interop', 'pep', 'slixmpp_privileged.py');

test('a component of slixmpp manages rosters and speaks for accounts of our core (XEP-0356)', async (t) => {
  if (!hasPython('slixmpp.plugins.xep_0356')) return t.skip('python3-slixmpp is not installed');
  const core = await CoreUnderTest.start({
    COMPONENTS: 'gateway',
    COMPONENT_GATEWAY_DOMAIN: 'gateway.localhost',
    COMPONENT_GATEWAY_SECRET: 'hush',
    COMPONENT_GATEWAY_GRANTS: 'roster:both message:outgoing',
  });
  try {
    await core.addUsers('romeo', 'juliet');
    const romeo = await core.online('romeo', 'orchard');
    const { host, port } = core.address('component');
    await runPython(script, [
      host,
      String(port),
      'gateway.localhost',
      'hush',
      'juliet@localhost',
      'romeo@localhost',
    ]);
    const message = await nextMessage(romeo);
    assert.equal(message.from, 'juliet@localhost');
    assert.equal(message.element.getChildText('body'), 'in her name');
  } finally {
    await core.stop();
  }
});
