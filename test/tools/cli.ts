import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../../shared/cli/entourage.mjs', import.meta.url));
const WAIT_MILLISECONDS = 30_000;

interface CommandResult {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** A folder of its own with its `.env`, in which the command `entourage` runs. */
export class Deployment {
  readonly folder: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly running: RunningCommand[] = [];

  constructor(t: TestContext, settings: Readonly<Record<string, string>> = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'entourage-cli-'));
    // Nothing of the tests' own environment but what programs need.
    this.environment = { PATH: process.env['PATH'], HOME: this.folder };
    this.configure({
      C2S_PORT: 'auto',
      C2S_TLS_PORT: 'auto',
      S2S_PORT: '0',
      S2S_TLS_PORT: '0',
      COMPONENT_PORT: 'auto',
      COMPONENT_TLS_PORT: '0',
      LISTEN_HOST: '127.0.0.1',
      ...settings,
    });
    t.after(async () => {
      for (const running of this.running) await running.kill();
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
    });
  }

  /** What a running process says of itself under `data/run`. */
  runFile(process: string): { readonly pid: number; readonly addresses: Readonly<Record<string, string>> } {
    return JSON.parse(readFileSync(join(this.folder, 'data', 'run', `${process}.json`), 'utf8'));
  }

  /** Writes `.env`. */
  configure(settings: Readonly<Record<string, string>>): void {
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(this.folder, '.env'), lines.join(''));
  }

  /** Runs one command to its end. */
  run(
    args: readonly string[],
    options: { input?: string; environment?: NodeJS.ProcessEnv } = {},
  ): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const child = this.spawn(args, options.environment);
      let out = '';
      let error = '';
      child.stdout?.on('data', (data) => {
        out += data;
      });
      child.stderr?.on('data', (data) => {
        error += data;
      });
      const timer = setTimeout(() => child.kill('SIGKILL'), WAIT_MILLISECONDS);
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        resolve({ code, out, error });
      });
      child.stdin?.end(options.input ?? '');
    });
  }

  /** Starts a command that goes on; resolves when a line of it begins with `begin`. It is ended after the test. */
  async start(
    args: readonly string[],
    begin: string | RegExp,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<RunningCommand> {
    const running = new RunningCommand(this.spawn(args, environment));
    this.running.push(running);
    await running.line(begin);
    return running;
  }

  private spawn(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn(process.execPath, [bin, ...args], {
      cwd: this.folder,
      env: { ...this.environment, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }
}

/** A command that goes on, and its lines. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly ended: Promise<number | null>;
  private waiting: (() => void)[] = [];
  private isOver = false;

  constructor(child: ChildProcess) {
    this.child = child;
    let rest = '';
    const take = (data: Buffer): void => {
      const lines = (rest + String(data)).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
      this.wake();
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        this.isOver = true;
        this.wake();
        resolve(code);
      });
    });
  }

  /** The first line, from the `from`th on, that begins with a text or matches an expression. */
  async line(begin: string | RegExp, from = 0): Promise<string> {
    const deadline = Date.now() + WAIT_MILLISECONDS;
    for (;;) {
      const found = this.lines
        .slice(from)
        .find((line) => (typeof begin === 'string' ? line.startsWith(begin) : begin.test(line)));
      if (found !== undefined) return found;
      if (this.isOver || Date.now() > deadline)
        throw new Error(`no line ${begin} in:\n${this.lines.join('\n')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, deadline - Date.now()));
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  /** Whatever still runs of it. */
  async kill(): Promise<void> {
    if (this.isOver) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 6_000);
    await this.ended;
    clearTimeout(timer);
  }

  private wake(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }
}
