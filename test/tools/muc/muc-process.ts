import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { storageOf } from '../core-harness.js';

const main = fileURLToPath(new URL('../../../components/muc/main.js', import.meta.url));

/** The muc component as operators run it: a process of its own, with a store of its own. */
export class MucProcess {
  readonly folder = mkdtempSync(join(tmpdir(), 'muc-test-'));
  readonly #environment: Record<string, string>;
  #child: ChildProcess | null = null;
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Lines of its log, for messages of failing tests. */
  readonly log: string[] = [];

  constructor(environment: Record<string, string>) {
    this.#environment = environment;
  }

  /** Starts it; whoever waits for it to serve sees it at the server. */
  start(): void {
    const child = spawn(process.execPath, [main], {
      cwd: this.folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        ...storageOf(this.folder),
        LOG_LEVEL: 'warn',
        MUC_RATE: '0',
        ...this.#environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const read = (chunk: Buffer): void => {
      this.log.push(...chunk.toString().trimEnd().split('\n'));
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
