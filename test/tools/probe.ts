import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ProcessUnderTest } from './core-harness.js';

/** What a process holds after a collection of garbage: bytes, and file descriptors. */
export interface Holding {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
  readonly descriptors: number;
  /** Node's active resources (sockets, timers, …) by name. */
  readonly counts: Readonly<Record<string, number>>;
}

/** The settings that make a process under test answer {@link probe}. */
export function probed(folder: string): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'preload', 'probe.js')).href}`,
    ENTOURAGE_PROBE: join(folder, 'probe'),
  };
}

/** Asks a process what it holds. */
export async function probe(process: ProcessUnderTest, folder: string): Promise<Holding> {
  const file = join(folder, `probe.${process.child.pid}`);
  rmSync(file, { force: true });
  process.child.kill('SIGUSR2');
  const end = performance.now() + 10_000;
  while (!existsSync(file)) {
    if (performance.now() > end) throw new Error(`${process.name} does not say what it holds`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}
