import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAlive, readRunFile } from '../../../shared/cli/run-files.js';
import { Deployment, RunningCommand } from '../../tools/cli.js';

const bin = fileURLToPath(new URL('../../../../shared/cli/entourage.mjs', import.meta.url));

/** A system whose parent, a shell that ends with its input, was run by npm as `script`. */
function below(script: string, deployment: Deployment): RunningCommand {
  const shell = spawn('/bin/sh', ['-c', '"$0" "$1" start & read -r _', process.execPath, bin], {
    cwd: deployment.folder,
    env: { PATH: process.env['PATH'], HOME: deployment.folder, npm_lifecycle_event: script },
  });
  return new RunningCommand(shell);
}

test('only below `npm start` does the system end with its parent: a script that starts it and goes leaves it there', async (t) => {
  const settings = { COMPONENTS: 'none' };
  const [first, second] = [new Deployment(t, settings), new Deployment(t, settings)];
  const npmStart = below('start', first);
  const other = below('deploy', second);
  t.after(() => {
    for (const { child } of [npmStart, other]) child.kill('SIGKILL');
  });
  await Promise.all([npmStart.line('ready '), other.line('ready ')]);
  const pid = readRunFile(`${second.folder}/data`, 'launcher')?.pid;
  assert.ok(pid !== undefined);
  try {
    other.child.stdin?.end();
    npmStart.child.stdin?.end();
    await npmStart.ended; // when the last of those that hold its output has gone
    assert.equal(readRunFile(`${first.folder}/data`, 'launcher'), undefined);
    assert.ok(isAlive(pid));
    assert.equal((await second.run(['status', '--json'])).code, 0);
  } finally {
    process.kill(pid, 'SIGTERM');
    await other.ended;
  }
});
