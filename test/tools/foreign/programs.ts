import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

/** Servers come up in a second or two; a machine that is busy with everybody's tests needs longer. */
const READY_MILLISECONDS = 30_000;
const COMMAND_MILLISECONDS = 30_000;

/** The program, or undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':');
  for (const folder of [...folders, '/usr/bin', '/usr/sbin', '/usr/local/bin']) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // not in this one
    }
  }
  return undefined;
}

/** A port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** The folder of Debian's Erlang libraries, if one of them begins with `prefix`. */
export function erlangLibrariesWith(prefix: string): string | undefined {
  for (const architecture of readdirSync('/usr/lib')) {
    if (!architecture.includes('-linux-')) continue;
    const folder = join('/usr/lib', architecture);
    if (readdirSync(folder).some((name) => name.startsWith(prefix))) return folder;
  }
  return undefined;
}

/** Runs a program to its end; resolves with what it wrote, rejects with the same where it fails. */
export function runToEnd(
  program: string,
  args: readonly string[],
  environment = process.env,
): Promise<string> {
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill('SIGKILL'), COMMAND_MILLISECONDS);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(late);
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`));
    });
  });
}

/** Somebody else's server as a process: it runs when its ports take connections; it can be ended and started again. */
export class ForeignProcess {
  readonly #name: string;
  readonly #spawn: () => ChildProcess;
  readonly #address: string;
  readonly #ports: readonly number[];
  #child: ChildProcess | undefined;
  /** The end of what it wrote. */
  output = '';

  constructor(name: string, address: string, ports: readonly number[], spawnIt: () => ChildProcess) {
    this.#name = name;
    this.#address = address;
    this.#ports = ports;
    this.#spawn = spawnIt;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get child(): ChildProcess {
    if (this.#child === undefined) throw new Error(`${this.#name} was not started`);
    return this.#child;
  }

  /** Resolves when it serves; rejects with what it wrote. */
  async start(): Promise<void> {
    const child = this.#spawn();
    this.#child = child;
    const collect = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-200_000);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const end = performance.now() + READY_MILLISECONDS;
    while (performance.now() < end && child.exitCode === null) {
      const open = await Promise.all(this.#ports.map((port) => accepts(this.#address, port)));
      if (open.every(Boolean)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this.kill('SIGKILL');
    throw new Error(`${this.#name} did not start:\n${this.output}`);
  }

  /** Waits until it has written something, from a place in its output on. */
  async said(pattern: RegExp, from = 0): Promise<string> {
    const end = performance.now() + COMMAND_MILLISECONDS;
    for (;;) {
      const found = pattern.exec(this.output.slice(from));
      if (found !== null) return found[0];
      if (performance.now() > end || this.child.exitCode !== null)
        throw new Error(`${this.#name} never said ${pattern}:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  /** Ends it; resolves when it is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
    child.kill(signal);
    await gone;
    clearTimeout(late);
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
