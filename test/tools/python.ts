import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { compiledRoot } from '../../shared/settings/registry.js';

/** Debian's, which Debian's packages are for. */
export const PYTHON = '/usr/bin/python3';
/** A script says by itself what it waits for in vain; this ends one that hangs. */
const RUN_MILLISECONDS = 120_000;

/** Whether a module of Python is installed. */
export function hasPython(module: string): boolean {
  return spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
}

/** Where a script is: it stays with the sources, which are compiled into dist. */
export function pythonScript(...path: readonly string[]): string {
  return join(compiledRoot, '..', 'test', ...path);
}

/** Runs a script to its end, which must be a good one; resolves with what it wrote. */
export async function runPython(script: string, args: readonly string[]): Promise<string> {
  const child = spawn(PYTHON, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MILLISECONDS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, output);
  return output;
}
