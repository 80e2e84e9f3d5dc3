import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CoreUnderTest } from '../../tools/core-harness.js';
import { nextMessage } from '../../tools/pep/pubsub.js';

const PYTHON = '/usr/bin/python3';
const script = join(fileURLToPath(import.meta.url), '../../../../../test/interop/pep/slixmpp_privileged.py');

test('a component of slixmpp manages rosters and speaks for accounts of our core (XEP-0356)', async (t) => {
  if (spawnSync(PYTHON, ['-c', 'import slixmpp.plugins.xep_0356']).status !== 0)
    return t.skip('python3-slixmpp is not installed');
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
    const child = spawn(
      PYTHON,
      [script, host, String(port), 'gateway.localhost', 'hush', 'juliet@localhost', 'romeo@localhost'],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    }
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0, output);
    const message = await nextMessage(romeo);
    assert.equal(message.from, 'juliet@localhost');
    assert.equal(message.element.getChildText('body'), 'in her name');
  } finally {
    await core.stop();
  }
});
