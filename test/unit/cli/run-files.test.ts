import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  isAlive,
  isRunning,
  livingProcesses,
  readRunFile,
  writeRunFile,
} from '../../../shared/cli/run-files.js';

const hasProc = existsSync('/proc/self/stat');

test('a run file whose number another process has now is that of nobody: a container begins with the same numbers', (t) => {
  if (!hasProc) return t.skip('there is no /proc');
  const folder = mkdtempSync(join(tmpdir(), 'run-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const startedAt = new Date().toISOString();
  writeRunFile(folder, { process: 'launcher', pid: process.pid, startedAt, ready: true, addresses: {} });
  const written = readRunFile(folder, 'launcher');
  assert.ok(written && isRunning(written));
  assert.equal(livingProcesses(folder).length, 1);
  const path = join(folder, 'run', 'launcher.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"born": "/, '"born": "1'));
  const former = readRunFile(folder, 'launcher');
  assert.ok(former && !isRunning(former));
  assert.deepEqual(livingProcesses(folder), []);
});

test('a process that has ended and of which its parent has not taken note does not run', async (t) => {
  if (!hasProc) return t.skip('there is no /proc');
  // The shell becomes a program that never asks after the child it has.
  const parent = spawn('/bin/sh', ['-c', 'sleep 1 & echo $!; exec sleep 30']);
  t.after(() => parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  for (let tries = 0; isAlive(pid) && tries < 200; tries += 1) await pause(20);
  assert.equal(isAlive(pid), false);
  // Its number is taken all the same: this is what was looked at before.
  assert.equal(process.kill(pid, 0), true);
});
