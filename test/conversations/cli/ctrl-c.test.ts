import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Deployment, RunningCommand } from '../../tools/cli.js';

const bin = fileURLToPath(new URL('../../../../shared/cli/entourage.mjs', import.meta.url));

/** `npm start` in a process group of its own, as at a terminal. */
function npmStart(deployment: Deployment, words: string): RunningCommand {
  const { folder } = deployment;
  symlinkSync(bin, join(folder, 'entourage.mjs'));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ scripts: { start: `exec node entourage.mjs ${words}` } }),
  );
  const child = spawn('npm', ['start'], {
    cwd: folder,
    detached: true,
    env: { PATH: process.env['PATH'], HOME: folder },
  });
  return new RunningCommand(child);
}

describe('Ctrl-C, which the whole group gets and npm then passes on', () => {
  for (const [words, begun] of [
    ['start', 'ready '],
    ['core', /process\.started/],
  ] as const) {
    test(`is one request to \`${words}\`: everything is closed in order`, async (t) => {
      const deployment = new Deployment(t, { COMPONENTS: 'none' });
      const running = npmStart(deployment, words);
      const { pid } = running.child;
      assert.ok(pid !== undefined);
      t.after(() => running.kill());
      await running.line(begun);
      process.kill(-pid, 'SIGINT');
      await running.ended;
      const codes = running.lines.flatMap((line) => /"code":"([^"]+)"/.exec(line)?.[1] ?? []);
      assert.ok(codes.includes('process.stopped'), running.lines.join('\n'));
      assert.ok(!codes.includes('process.killed'));
      assert.ok(!existsSync(join(deployment.folder, 'data', 'run', 'core.json')));
    });
  }

  test('two different signals that came together are one request to a process alone, too', async (t) => {
    const deployment = new Deployment(t, { COMPONENTS: 'none' });
    const running = await deployment.start(['core'], /process\.started/);
    const { pid } = running.child;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGSTOP'); // both wait in line, as for a process that is busy
    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
    assert.equal(await running.ended, 0);
  });
});
