import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { control } from '../../../shared/cli/control-client.js';
import { Launcher } from '../../../shared/cli/launcher.js';
import { controlSocketPath, isAlive, readRunFile } from '../../../shared/cli/run-files.js';
import { createLogger } from '../../../shared/observability/logger.js';

const main = fileURLToPath(new URL('../../tools/fake-process.js', import.meta.url));
const WAIT_MILLISECONDS = 20_000;

/** A launcher over fake processes, and the lines that it and they print. */
class System {
  readonly folder = mkdtempSync(join(tmpdir(), 'entourage-launcher-'));
  readonly lines: string[] = [];
  readonly launcher: Launcher;
  private waiting: (() => void)[] = [];

  constructor(t: TestContext, behaviours: Readonly<Record<string, string>> = {}) {
    const entry = (name: string) => ({
      name,
      main,
      environment: {
        PATH: process.env['PATH'],
        STORAGE_URL: `lmdb:${this.folder}`,
        FAKE_NAME: name,
        FAKE_BEHAVIOUR: behaviours[name] ?? 'nothing',
        ...(behaviours[name] === 'wrong settings' ? { LOG_LEVEL: 'loud' } : {}),
      },
    });
    const writeLine = (line: string): void => {
      this.lines.push(line);
      for (const wake of this.waiting.splice(0)) wake();
    };
    this.launcher = new Launcher({
      dataFolder: this.folder,
      core: entry('core'),
      components: [entry('bosh')],
      log: createLogger({ process: 'start', destination: { write: (line) => writeLine(`start ${line}`) } }),
      writeLine,
      corePortIsSet: false,
      ...(behaviours['bosh'] === 'unready' ? { componentsMilliseconds: 1_000 } : {}),
      backOff: { firstMilliseconds: 50, lastMilliseconds: 400, stableMilliseconds: 600_000 },
    });
    t.after(async () => {
      await this.launcher.stop();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** The first line at or after `from` that contains `text`, of one process or any. */
  async line(text: string, from = 0, of = ''): Promise<string> {
    const deadline = Date.now() + WAIT_MILLISECONDS;
    for (;;) {
      const found = this.lines.slice(from).find((line) => line.startsWith(of) && line.includes(text));
      if (found !== undefined) return found;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no line with ${text} in:\n${this.lines.join('\n')}`)),
          Math.max(0, deadline - Date.now()),
        );
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  pid(name: string): number {
    const file = readRunFile(this.folder, name);
    assert.ok(file !== undefined, `${name} has a run file`);
    return file.pid;
  }

  /** The real port in a `ready` line. */
  port(ready: string, listener: string): string {
    return new RegExp(`${listener}=127\\.0\\.0\\.1:(\\d+)`).exec(ready)?.[1] ?? 'none';
  }
}

describe('launcher', () => {
  test('starts the core, then components with its real port, prints ready, and stops all by draining', async (t) => {
    const system = new System(t);
    await system.launcher.start();
    const ready = await system.line('ready component=');
    assert.match(ready, /^ready component=127\.0\.0\.1:\d+ bosh\.http=127\.0\.0\.1:\d+$/);
    const linked = await system.line('fake.core', 0, 'bosh');
    assert.match(linked, new RegExp(`"corePort":${system.port(ready, 'component')}\\b`));
    const pids = [system.pid('core'), system.pid('bosh')];
    assert.equal(statSync(controlSocketPath(system.folder, 'core')).mode & 0o777, 0o600);

    const status = await control(controlSocketPath(system.folder, 'core'), 'status');
    assert.equal((status as { ready: boolean }).ready, true);
    system.launcher.reload();
    await system.line('fake.reloaded');

    await system.launcher.stop();
    assert.equal(await system.launcher.done, 'stopped');
    const drained = system.lines
      .filter((line) => line.includes('fake.drained'))
      .map((line) => line.split(' ')[0]);
    assert.deepEqual(drained, ['bosh', 'core'], 'components first');
    assert.ok(!system.lines.some((line) => line.includes('start.killed')));
    for (const pid of pids) assert.ok(!isAlive(pid));
    for (const name of ['core', 'bosh', 'launcher']) {
      assert.ok(!existsSync(join(system.folder, 'run', `${name}.json`)), `${name}.json is gone`);
      assert.ok(!existsSync(join(system.folder, 'run', `${name}.sock`)), `${name}.sock is gone`);
    }
  });

  test('starts again what dies, with growing delays and on the same ports', async (t) => {
    const system = new System(t);
    await system.launcher.start();
    const ready = await system.line('ready component=');
    const delays: unknown[] = [];
    for (let round = 0; round < 3; round++) {
      const from = system.lines.length;
      const pid = system.pid('core');
      process.kill(pid, 'SIGKILL');
      const died = await system.line('start.died', from);
      delays.push(JSON.parse(died.slice(died.indexOf('{'))).restartInMilliseconds);
      const again = await system.line('start.process-ready', from);
      assert.match(again, new RegExp(`127\\.0\\.0\\.1:${system.port(ready, 'component')}"`));
      assert.notEqual(system.pid('core'), pid);
    }
    assert.deepEqual(delays, [50, 100, 200]);
    assert.equal(system.lines.filter((line) => line.startsWith('ready ')).length, 1);
  });

  test('an error that nobody caught is logged with its code, and the process is started again', async (t) => {
    const system = new System(t);
    await system.launcher.start();
    await system.line('ready component=');
    await control(controlSocketPath(system.folder, 'bosh'), 'crash').catch(() => undefined);
    assert.match(await system.line('process.uncaught-exception'), /^bosh .*a handler throws/);
    assert.match(await system.line('start.died'), /"exitCode":70/);
    const from = system.lines.findIndex((line) => line.includes('start.died'));
    await system.line('start.process-ready', from);
  });

  test('restarts one process on request, and refuses an unknown one', async (t) => {
    const system = new System(t);
    await system.launcher.start();
    await system.line('ready component=');
    const socket = controlSocketPath(system.folder, 'launcher');
    const [core, bosh] = [system.pid('core'), system.pid('bosh')];
    const from = system.lines.length;
    assert.deepEqual(await control(socket, 'restart', { name: 'bosh', wait: true }), {
      process: 'bosh',
      restarted: true,
      ready: true,
    });
    assert.ok(system.lines.slice(from).some((line) => line.includes('start.process-ready')));
    assert.notEqual(system.pid('bosh'), bosh);
    assert.equal(system.pid('core'), core);
    assert.ok(!system.lines.some((line) => line.includes('start.died')));
    await assert.rejects(control(socket, 'restart', { name: 'nobody' }), { code: 'not-found' });
  });

  test('ends with `refused` where the settings of a process are wrong', async (t) => {
    const system = new System(t, { bosh: 'wrong settings' });
    await system.launcher.start();
    assert.equal(await system.launcher.done, 'refused');
    assert.match(system.lines.find((line) => line.includes('settings.invalid')) ?? '', /LOG_LEVEL.*loud/);
  });

  test('ends with `failed` where the core cannot start at all', async (t) => {
    const system = new System(t, { core: 'die' });
    await system.launcher.start();
    assert.equal(await system.launcher.done, 'failed');
    assert.match(system.lines.find((line) => line.includes('process.start-failed')) ?? '', /it cannot start/);
    assert.ok(system.lines.some((line) => line.includes('start.failed') && line.includes('could not start')));
    assert.ok(!system.lines.some((line) => line.includes('it is started again')));
  });

  test('a component that cannot serve is named by the ready line, with its reason in the log', async (t) => {
    const system = new System(t, { bosh: 'unready' });
    await system.launcher.start();
    assert.match(await system.line('ready component='), / without=bosh$/);
    assert.match(await system.line('what it needs is away'), /"code":"start.process-unready"/);
    assert.equal(readRunFile(system.folder, 'bosh')?.ready, false);
  });

  test('a process whose drain hangs is cut, and the rest still drains', async (t) => {
    const system = new System(t, { bosh: 'hang' });
    await system.launcher.start();
    await system.line('ready component=');
    const pids = [system.pid('core'), system.pid('bosh')];
    await system.launcher.stop();
    for (const pid of pids) assert.ok(!isAlive(pid));
    assert.ok(system.lines.some((line) => line.startsWith('core') && line.includes('fake.drained')));
    assert.ok(system.lines.some((line) => line.includes('start.killed')));
  });

  test('a signal to the whole group is one request to stop', async (t) => {
    const system = new System(t);
    await system.launcher.start();
    await system.line('ready component=');
    const pids = [system.pid('core'), system.pid('bosh')];
    const stopping = system.launcher.stop();
    for (const pid of pids) process.kill(pid, 'SIGTERM');
    for (const pid of pids) process.kill(pid, 'SIGTERM');
    await stopping;
    const drained = system.lines.filter((line) => line.includes('fake.drained')).length;
    assert.equal(drained, 2);
    assert.ok(!system.lines.some((line) => /process\.killed|start\.died/.test(line)));
  });

  test('a second stop ends everything at once', async (t) => {
    const system = new System(t, { bosh: 'hang', core: 'hang' });
    await system.launcher.start();
    await system.line('ready component=');
    const first = system.launcher.stop();
    await system.line('process.stopping');
    await system.launcher.stop();
    await first;
    assert.ok(!system.lines.some((line) => line.includes('start.killed')), 'nobody waited for the limit');
  });

  test('the run file says who runs and where', async (t) => {
    const system = new System(t);
    await system.launcher.start();
    const ready = await system.line('ready component=');
    const file = JSON.parse(readFileSync(join(system.folder, 'run', 'bosh.json'), 'utf8'));
    assert.equal(file.ready, true);
    assert.deepEqual(file.addresses, { http: `127.0.0.1:${system.port(ready, 'bosh.http')}` });
    const launcher = readRunFile(system.folder, 'launcher');
    assert.deepEqual(Object.keys(launcher?.addresses ?? {}), ['component', 'bosh.http']);
  });
});
