import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { control, NotRunningError } from '../../../shared/cli/control-client.js';
import { ControlError } from '../../../shared/cli/control-error.js';
import { createControlServer } from '../../../shared/cli/control-server.js';
import { completeEnvironment } from '../../../shared/cli/environment.js';
import { createLogger } from '../../../shared/observability/logger.js';

const folder = mkdtempSync(join(tmpdir(), 'entourage-control-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const lines: string[] = [];
const log = createLogger({ process: 'core', destination: { write: (line) => lines.push(line) } });

describe('control socket', () => {
  const path = join(folder, 'run', 'core.sock');

  test('answers commands, and refusals with their code', async (t) => {
    const server = createControlServer(log);
    server.handle('echo', (args) => ({ args }));
    server.handle('status', () => ({ ready: true }));
    server.handle('refuse', () => {
      throw new ControlError('not-found', 'no such user');
    });
    server.handle('break', () => {
      throw new Error('inner');
    });
    server.handle('never', () => new Promise(() => undefined));
    assert.throws(() => server.handle('echo', () => null), TypeError);
    await server.listen(path);
    t.after(() => server.close());
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(await control(path, 'echo', { password: 'hush', é: '\n' }), {
      args: { password: 'hush', é: '\n' },
    });
    await assert.rejects(control(path, 'refuse'), {
      name: 'ControlError',
      code: 'not-found',
      message: 'no such user',
    });
    await assert.rejects(control(path, 'break'), { code: 'internal', message: 'inner' });
    await assert.rejects(control(path, 'nonsense'), { code: 'unknown-command' });
    await assert.rejects(control(path, 'never', {}, 50), { code: 'timeout' });
    await control(path, 'status');
    const logged = lines.filter((line) => line.includes('control.command"'));
    assert.ok(
      logged.some((line) => line.includes('"command":"echo"')),
      'what changes something is logged',
    );
    assert.ok(!logged.some((line) => line.includes('"command":"status"')), 'questions are not');
    assert.ok(!lines.join().includes('hush'), 'arguments are not logged');
  });

  test('what is not a request is refused, and the server lives', async (t) => {
    const server = createControlServer(log);
    server.handle('ping', () => 'pong');
    await server.listen(path);
    t.after(() => server.close());
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(path, () => socket.write('rubbish\n'));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(String(data));
      });
      socket.once('error', reject);
    });
    assert.deepEqual(JSON.parse(answer), {
      id: null,
      ok: false,
      error: { code: 'invalid', message: 'not a request' },
    });
    const flooding = connect(path);
    const flooded = new Promise((resolve) => flooding.once('close', resolve));
    flooding.on('error', () => undefined);
    flooding.write('x'.repeat(1_100_000));
    await flooded;
    assert.equal(await control(path, 'ping'), 'pong');
  });

  test('a socket left over by a killed process is replaced, a living one is not', async (t) => {
    const first = createControlServer(log);
    await first.listen(path);
    const second = createControlServer(log);
    await assert.rejects(second.listen(path), /another process answers/);
    await first.close();
    assert.ok(!existsSync(path));
    writeFileSync(path, '');
    await second.listen(path);
    t.after(() => second.close());
    await assert.rejects(control(path, 'x'), { code: 'unknown-command' });
  });

  test('nobody there', async () => {
    await assert.rejects(control(join(folder, 'none.sock'), 'x'), NotRunningError);
  });

  test('what is no answer is not taken for one', async (t) => {
    const strange = join(folder, 'strange.sock');
    let said = '';
    const server = createServer((socket) => socket.end(`${said}\n`)).listen(strange);
    await once(server, 'listening');
    t.after(() => server.close());
    for (said of ['nonsense', 'null', '{}', '{"ok":"yes"}', '{"ok":true,"error":{"code":1}}'])
      await assert.rejects(control(strange, 'x'), { name: 'ControlError', code: 'invalid' }, said);
  });
});

describe('the environment of processes on one host', () => {
  const complete = (environment: NodeJS.ProcessEnv, makeSecrets = true) =>
    completeEnvironment(environment, ['muc'], {
      dataFolder: folder,
      makeSecrets,
      dotenvPath: join(folder, '.env'),
    });

  test('a secret is made once, for its owner only, and given to both sides', () => {
    const first = complete({});
    const file = join(folder, 'secrets', 'muc');
    assert.deepEqual(first, { MUC_SECRET_FILE: file, COMPONENT_MUC_SECRET_FILE: file });
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const before = statSync(file).mtimeMs;
    complete({});
    assert.equal(statSync(file).mtimeMs, before);
  });

  test("the operator's own is passed on to the other side", () => {
    assert.deepEqual(complete({ MUC_SECRET: 's' }), { MUC_SECRET: 's', COMPONENT_MUC_SECRET: 's' });
    assert.deepEqual(complete({ COMPONENT_MUC_SECRET_FILE: '/f' }), {
      COMPONENT_MUC_SECRET_FILE: '/f',
      MUC_SECRET_FILE: '/f',
    });
    writeFileSync(join(folder, '.env'), 'MUC_SECRET=d\n');
    assert.deepEqual(complete({}), { COMPONENT_MUC_SECRET: 'd' });
    assert.deepEqual(
      complete({ COMPONENT_MUC_SECRET: 'c' }),
      { COMPONENT_MUC_SECRET: 'c' },
      'both are set: left alone',
    );
  });
});
