import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Deployment } from '../../tools/cli.js';

describe('entourage', () => {
  test('help lists the commands and exit codes; an unknown command is wrong usage', async (t) => {
    const deployment = new Deployment(t);
    const help = await deployment.run(['help']);
    assert.equal(help.code, 0);
    for (const text of ['start', 'user add', 'config', 'check', 'status', 'reload', 'exit codes', '78']) {
      assert.ok(help.out.includes(text), text);
    }
    const unknown = await deployment.run(['frobnicate']);
    assert.equal(unknown.code, 2);
    assert.match(unknown.error, /no such command: frobnicate/);
    assert.equal((await deployment.run(['status', '--frob'])).code, 2);
  });

  test('wrong settings: every problem at once, exit code 78, nothing started', async (t) => {
    const deployment = new Deployment(t);
    deployment.configure({
      C2S_PORT: 'many',
      XMPP_DOMIANS: 'x',
      STORAGE_URL: 'lmdb:./data',
      COMPONENTS: 'none',
    });
    const result = await deployment.run(['start']);
    assert.equal(result.code, 78);
    assert.match(result.error, /C2S_PORT="many": expected a port/);
    assert.match(result.error, /XMPP_DOMIANS: no such setting \(in \.env\); the nearest is XMPP_DOMAINS/);
    assert.ok(!existsSync(join(deployment.folder, 'data', 'run')));
  });

  test('config shows what is in force and its source, and no secret', async (t) => {
    const deployment = new Deployment(t, { MUC_SECRET: 'hush', LOG_LEVEL: 'warn' });
    const result = await deployment.run(['config', '--json'], { environment: { CORE_LOG_LEVEL: 'error' } });
    const { processes } = JSON.parse(result.out);
    const level = processes.core.find(({ name }: { name: string }) => name === 'LOG_LEVEL');
    assert.deepEqual([level.value, level.source, level.key], ['error', 'environment', 'CORE_LOG_LEVEL']);
    assert.ok(!result.out.includes('hush'));
    assert.match(result.out, /"\(hidden\)"/);
    const plain = await deployment.run(['config', 'core']);
    assert.match(plain.out, /XMPP_DOMAINS +localhost +default/);
  });
});

describe('entourage user', () => {
  test('works while no core runs', async (t) => {
    const deployment = new Deployment(t);
    const add = await deployment.run(['user', 'add', 'Juliet@localhost', '--password-stdin'], {
      input: 'pencil\n',
    });
    assert.deepEqual([add.code, add.error], [0, '']);
    assert.equal((await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'x'])).code, 4);
    assert.equal((await deployment.run(['user', 'passwd', 'juliet@localhost', '--password', 'y'])).code, 0);
    assert.equal((await deployment.run(['user', 'passwd', 'nobody@localhost', '--password', 'y'])).code, 3);
    assert.equal((await deployment.run(['user', 'disable', 'juliet@localhost'])).code, 0);
    assert.equal((await deployment.run(['user', 'list'])).out, 'juliet@localhost (disabled)\n');
    assert.equal((await deployment.run(['user', 'enable', 'juliet@localhost'])).code, 0);
    const list = JSON.parse((await deployment.run(['user', 'list', '--json'])).out);
    assert.equal(list[0].state, 'active');
    assert.equal((await deployment.run(['user', 'remove', 'juliet@localhost'])).code, 0);
    assert.equal((await deployment.run(['user', 'add', 'not a jid', '--password', 'x'])).code, 2);
    assert.equal((await deployment.run(['user', 'add', 'x@localhost'], { input: '\n' })).code, 2);
    assert.equal((await deployment.run(['user', 'marry', 'x@localhost'])).code, 2);
  });

  test('works while the core runs, which then keeps what was done', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'none' });
    const running = await deployment.start(t, ['start'], 'ready ');
    assert.equal((await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'pencil'])).code, 0);
    assert.equal((await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'x'])).code, 4);
    assert.equal((await deployment.run(['user', 'list'])).out, 'juliet@localhost\n');
    assert.equal((await deployment.run(['user', 'remove', 'nobody@localhost'])).code, 3);
    assert.equal(await running.stop(), 0);
    assert.equal((await deployment.run(['user', 'list'])).out, 'juliet@localhost\n');
    assert.ok(!running.lines.some((line) => line.includes('pencil')), 'no password in the log');
  });
});

describe('entourage start', () => {
  test('status, reload and component list tell of what runs; a second start is refused; all is gone at the end', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'none', METRICS_PORT: 'auto' });
    assert.equal((await deployment.run(['status'])).code, 5);
    const running = await deployment.start(t, ['start'], 'ready ');
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
    const running = await deployment.start(t, ['start'], 'ready ');
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
    const running = await deployment.start(t, ['core'], /process\.started/);
    const path = join(deployment.folder, 'data', 'secrets', 'muc');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const secret = readFileSync(path, 'utf8');
    assert.ok(secret.length > 40);
    assert.equal(await running.stop(), 0);
    const again = await deployment.start(t, ['core'], /process\.started/);
    assert.equal(readFileSync(path, 'utf8'), secret);
    await again.stop();
    assert.ok(!again.lines.some((line) => line.includes(secret.trim())));
  });
});

describe('one process alone', () => {
  test('core and component find each other by the secret that the core made', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'vcard' });
    const core = await deployment.start(t, ['core'], /process\.started/);
    const { addresses } = JSON.parse(
      readFileSync(join(deployment.folder, 'data', 'run', 'core.json'), 'utf8'),
    );
    const [, port = ''] = /:(\d+)$/.exec(addresses.component) ?? [];
    const vcard = await deployment.start(t, ['vcard'], /component\.connected/, { CORE_PORT: port });
    await core.line(/component\.up/);
    assert.equal(await vcard.stop(), 0);
    assert.match(await core.line(/component\.down/), /"comesBack":true/);
    assert.equal(await core.stop(), 0);
  });

  test('a component without a secret says what is missing', async (t) => {
    const deployment = new Deployment(t);
    const result = await deployment.run(['vcard']);
    assert.equal(result.code, 78);
    assert.match(result.error, /VCARD_SECRET: expected .*, but it is not set \(nor is VCARD_SECRET_FILE\)/);
  });
});

describe('entourage store', () => {
  test('backup copies everything while the system runs, and the copy can be run', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'vcard' });
    assert.equal((await deployment.run(['store', 'backup', 'copy'])).code, 3, 'no store yet');
    const running = await deployment.start(t, ['start'], 'ready ');
    await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'pencil']);
    const backup = await deployment.run(['store', 'backup', 'copy', '--json']);
    assert.equal(backup.code, 0, backup.error);
    assert.deepEqual(JSON.parse(backup.out).processes, ['core', 'vcard']);
    assert.equal((await deployment.run(['store', 'backup', 'copy'])).code, 4, 'not over another');
    await deployment.run(['user', 'add', 'romeo@localhost', '--password', 'pencil']);
    assert.equal(await running.stop(), 0);

    const environment = { STORAGE_URL: 'lmdb:./copy' };
    assert.equal((await deployment.run(['user', 'list'], { environment })).out, 'juliet@localhost\n');
    const secret = join('secrets', 'vcard');
    assert.deepEqual(
      readFileSync(join(deployment.folder, 'copy', secret)),
      readFileSync(join(deployment.folder, 'data', secret)),
    );
    assert.equal(statSync(join(deployment.folder, 'copy', secret)).mode & 0o777, 0o600);
  });
});
