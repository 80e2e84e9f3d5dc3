import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

test('a process that ends leaves all its lines, in order, also those on their way to a slow reader', async () => {
  const script = `
    import { LogOutput } from ${JSON.stringify(new URL('../../../shared/observability/log-output.js', import.meta.url).href)};
    const output = LogOutput.to(1);
    for (let k = 0; k < 5000; k++) output.write(k + ' ' + 'x'.repeat(100) + '\\n');
    // when the pipe is full
    setTimeout(() => {
      output.write('5000 last\\n');
      LogOutput.exit(0);
    }, 100);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'readable');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const lines = Buffer.concat(chunks).toString().trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => Number.parseInt(line, 10)),
    Array.from({ length: 5001 }, (_, k) => k),
  );
});
