import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
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
    const running = await deployment.start(['start'], 'ready ');
    assert.equal((await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'pencil'])).code, 0);
    assert.equal((await deployment.run(['user', 'add', 'juliet@localhost', '--password', 'x'])).code, 4);
    assert.equal((await deployment.run(['user', 'list'])).out, 'juliet@localhost\n');
    assert.equal((await deployment.run(['user', 'remove', 'nobody@localhost'])).code, 3);
    assert.equal(await running.stop(), 0);
    assert.equal((await deployment.run(['user', 'list'])).out, 'juliet@localhost\n');
    assert.ok(!running.lines.some((line) => line.includes('pencil')), 'no password in the log');
  });
});
