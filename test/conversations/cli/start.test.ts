import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Deployment } from '../../tools/cli.js';

describe('entourage start', () => {
  test('status, reload and component list tell of what runs; a second start is refused; all is gone at the end', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'none', METRICS_PORT: 'auto' });
    assert.equal((await deployment.run(['status'])).code, 5);
    const running = await deployment.start(['start'], 'ready ');
    const ready = await running.line('ready ');
    assert.match(ready, / c2s=127\.0\.0\.1:[1-9]\d*/);
    assert.equal(ready, running.lines.at(-1), 'the ready line is the last');

    const status = await deployment.run(['status', '--json']);
    assert.equal(status.code, 0);
    const [core] = JSON.parse(status.out);
    assert.equal(core.ready, true);
    assert.ok(ready.includes(`c2s=${core.addresses.c2s}`));
    assert.equal((await fetch(`http://${core.addresses.metrics}/readyz`)).status, 200);
    assert.match(
      await (await fetch(`http://${core.addresses.metrics}/metrics`)).text(),
      /^xmpp_ready\{process="core"\} 1$/m,
    );

    assert.equal((await deployment.run(['component', 'list', '--json'])).code, 0);
    deployment.configure({ LOG_LEVEL: 'debug', COMPONENTS: 'none' });
    assert.equal((await deployment.run(['reload'])).out, 'core: reloaded\n');
    await running.line(/process\.reloaded/);
    assert.equal((await deployment.run(['start'])).code, 4);

    assert.equal(await running.stop(), 0);
    const data = join(deployment.folder, 'data');
    assert.ok(!existsSync(join(data, 'run', 'core.json')));
    assert.ok(!existsSync(join(data, 'run', 'core.sock')));
    assert.equal((await deployment.run(['component', 'list'])).code, 5);
  });

  test('every log line is prefixed with its process and is JSON with a code', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'none' });
    const running = await deployment.start(['start'], 'ready ');
    await running.stop();
    for (const line of running.lines.filter((text) => !text.startsWith('ready '))) {
      const [, name, json = ''] = /^(\S+) +(\{.*)$/.exec(line) ?? [];
      assert.ok(name !== undefined, line);
      const fields = JSON.parse(json);
      assert.equal(fields.process, name);
      assert.match(fields.code, /^[a-z0-9]+([.-][a-z0-9]+)+$/);
    }
  });

  test('makes the secrets of components once, readable by its user only', async (t) => {
    const deployment = new Deployment(t);
    const running = await deployment.start(['core'], /process\.started/);
    const path = join(deployment.folder, 'data', 'secrets', 'muc');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const secret = readFileSync(path, 'utf8');
    assert.ok(secret.length > 40);
    assert.equal(await running.stop(), 0);
    const again = await deployment.start(['core'], /process\.started/);
    assert.equal(readFileSync(path, 'utf8'), secret);
    await again.stop();
    assert.ok(!again.lines.some((line) => line.includes(secret.trim())));
  });
});

describe('one process alone', () => {
  test('a component takes its own settings, secret included, from its environment or its .env', async (t) => {
    const deployment = new Deployment(t, {
      XMPP_DOMAINS: 'example.org',
      CORE_HOST: '127.0.0.1',
      CORE_PORT: '1',
    });
    writeFileSync(join(deployment.folder, 'secret'), 'hush');
    const own = { VCARD_SECRET_FILE: join(deployment.folder, 'secret'), VCARD_MAX_BYTES: '64K' };
    const vcard = await deployment.start(['vcard'], /component\.connect-failed/, own);
    await vcard.stop();
    const wrong = await deployment.run(['vcard'], { environment: { ...own, VCARD_MAX_BITES: '1' } });
    assert.equal(wrong.code, 78);
    assert.match(wrong.error, /VCARD_MAX_BITES.*VCARD_MAX_BYTES/);
  });

  test('core and component find each other by the secret that the core made', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'vcard' });
    const core = await deployment.start(['core'], /process\.started/);
    const { addresses } = deployment.runFile('core');
    const [, port = ''] = /:(\d+)$/.exec(addresses['component'] ?? '') ?? [];
    const vcard = await deployment.start(['vcard'], /component\.connected/, { CORE_PORT: port });
    await core.line(/component\.up/);
    assert.equal(await vcard.stop(), 0);
    assert.match(await core.line(/component\.down/), /"comesBack":true/);
    assert.equal(await core.stop(), 0);
  });

  test('COMPONENTS: what `start` runs, what comes from elsewhere with its own secret, and what is a mistake', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'irc' });
    for (const command of ['start', 'core']) {
      const result = await deployment.run([command]);
      assert.equal(result.code, 78, command);
      assert.match(result.error, /irc/i);
    }
    const right = new Deployment(t, { COMPONENTS: 'irc', COMPONENT_IRC_SECRET: 'secret' });
    const all = await right.start(['start'], 'ready ');
    assert.equal(await all.stop(), 0);
  });

  test('a component without a secret says what is missing', async (t) => {
    const deployment = new Deployment(t);
    const result = await deployment.run(['vcard']);
    assert.equal(result.code, 78);
    assert.match(result.error, /VCARD_SECRET: expected .*, but it is not set \(nor is VCARD_SECRET_FILE\)/);
  });
});
