import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogOutput } from '../../../shared/observability/log-output.js';

test('whoever waits for the lines of before is called when they are where the reader finds them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'entourage-log-'));
  const path = join(folder, 'log');
  const descriptor = openSync(path, 'w');
  t.after(() => {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  });
  const output = LogOutput.to(descriptor);
  const found: string[] = [];
  const look = () => void found.push(readFileSync(path, 'utf8'));
  output.whenWritten(look);
  assert.deepEqual(found, [''], 'nothing waits: at once');
  output.write('one\n');
  output.whenWritten(look);
  assert.equal(found.length, 1, 'the line has not left yet');
  await new Promise<void>((resolve) => output.whenWritten(resolve));
  // A second batch is on its way while the third waits.
  output.write('two\n');
  await new Promise((resolve) => setImmediate(resolve));
  output.write('three\n');
  output.whenWritten(look);
  await new Promise<void>((resolve) => output.whenWritten(resolve));
  assert.deepEqual(found, ['', 'one\n', 'one\ntwo\nthree\n']);
});
