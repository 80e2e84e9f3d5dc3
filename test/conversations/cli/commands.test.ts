import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
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
    assert.doesNotMatch(unknown.error, /nearest/);
    assert.match((await deployment.run(['statsu'])).error, /the nearest is status/);
    assert.match((await deployment.run(['user', 'ad', 'x@localhost'])).error, /the nearest is `user add`/);
    assert.equal((await deployment.run(['status', '--frob'])).code, 2);
    assert.match((await deployment.run(['status', 'all'])).error, /one word too many: all/);
    const widest = Math.max(...help.out.split('\n').map((line) => line.length));
    assert.ok(widest < 150, `a line of the help has ${widest} characters`);
    for (const args of [
      ['user', '--help'],
      ['help', 'user'],
      ['user', 'help'],
    ]) {
      const { code, out } = await deployment.run(args);
      assert.deepEqual(
        [code, out.split('\n', 1)[0]?.slice(0, 31)],
        [0, 'usage: entourage user add|passw'],
        out,
      );
    }
    assert.match((await deployment.run(['--version'])).out, /^Entourage \d+\.\d+\.\d+/);
  });

  test('wrong settings: every problem at once, exit code 78, nothing started', async (t) => {
    const deployment = new Deployment(t);
    deployment.configure({
      C2S_PORT: 'many',
      XMPP_DOMIANS: 'x',
      STORAGE_URL: 'lmdb:./data',
      COMPONENTS: 'none',
      LOG_LEVEL: 'loud',
      TLS_CERT: '/nowhere/fullchain.pem',
      'C2S TLS_PORT': '5223',
    });
    const result = await deployment.run(['start']);
    assert.equal(result.code, 78);
    assert.match(result.error, /^5 settings are wrong:/);
    assert.match(result.error, /LOG_LEVEL="loud": expected trace/);
    assert.match(result.error, /TLS_CERT="\/nowhere\/fullchain.pem": expected a file that can be read/);
    assert.match(result.error, /\.env, line 7: expected NAME=VALUE/);
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

test('a port that is taken, an address of another host: named by the setting, without a stack', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const deployment = new Deployment(t, { COMPONENTS: 'none', C2S_PORT: String(port) });
  const taken = await deployment.run(['core']);
  assert.equal(taken.code, 1);
  assert.match(taken.out, new RegExp(`"msg":"C2S_PORT=.*${port}.*another program listens there`));
  const { out } = await deployment.run(['core'], {
    environment: { C2S_PORT: 'auto', LISTEN_HOST: '192.0.2.77' },
  });
  assert.match(out, /"msg":"LISTEN_HOST=.*192\.0\.2\.77.*this host has no such address/);
  assert.doesNotMatch(taken.out + out, /"stack"/);
});

test('a secret that cannot be read, as that of another user: the folder is named, and why', async (t) => {
  const deployment = new Deployment(t);
  mkdirSync(join(deployment.folder, 'data', 'secrets', 'muc'), { recursive: true }); // root can read every file
  const { code, error } = await deployment.run(['start']);
  assert.equal(code, 78);
  assert.match(error, /^DATA_DIR="\.\/data": expected a folder .*files that this user made.*EISDIR/);
});

test('one port for two listeners is a wrong setting, told before anything starts', async (t) => {
  const deployment = new Deployment(t, { METRICS_PORT: '9090', COMPONENTS: 'muc', S2S_PORT: '9090' });
  const { code, error } = await deployment.run(['start']);
  assert.equal(code, 78);
  assert.match(
    error,
    /MUC_METRICS_PORT="9090": expected a port of its own for each process here, .*; core has/,
  );
  assert.match(error, /S2S_PORT="9090": expected a port of its own, but METRICS_PORT is the same/);
  assert.ok(!existsSync(join(deployment.folder, 'data', 'run')));
});

test('check looks at the processes that are named, and at no others', async (t) => {
  const deployment = new Deployment(t, { MUC_SECRET: 'hush' });
  const alone = await deployment.run(['check', 'muc']);
  assert.equal(alone.code, 0, alone.out);
  assert.doesNotMatch(alone.out, /C2S_PORT|PEP_SECRET|dns:|certificates:/);
  assert.equal((await deployment.run(['check', 'mcu'])).code, 3);
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
    assert.equal((await deployment.run(['user', 'list', 'LocalHost'])).out, 'juliet@localhost\n');
    const elsewhere = await deployment.run(['user', 'list', 'example.net']);
    assert.deepEqual([elsewhere.code, elsewhere.error], [2, 'example.net is not a domain of this server\n']);
    assert.equal((await deployment.run(['user', 'list', 'juliet@localhost'])).code, 2);
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
