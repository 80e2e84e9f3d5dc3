import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { Logger } from '../observability/types.js';
import { EXIT } from './exit-codes.js';

/** How a process of the system is run. */
export interface ProcessCommand {
  readonly name: string;
  /** The compiled entry. */
  readonly main: string;
  /** V8 options, before the entry. */
  readonly nodeOptions: readonly string[];
  /** Read anew for each start, so that what was learnt meanwhile (ports) is passed on. */
  readonly environment: () => NodeJS.ProcessEnv;
}

export interface BackOff {
  readonly firstMilliseconds: number;
  readonly lastMilliseconds: number;
  /** A process that lived this long begins at the first delay again. */
  readonly stableMilliseconds: number;
}

export const DEFAULT_BACK_OFF: BackOff = {
  firstMilliseconds: 500,
  lastMilliseconds: 30_000,
  stableMilliseconds: 60_000,
};

/** How long a process may take to stop before it is killed. */
const STOP_MILLISECONDS = 4_700;

interface SupervisedEvents {
  /** It serves, with its real addresses; again after each restart. */
  ready: [Readonly<Record<string, string>>];
  /** It runs but cannot serve, for this reason. */
  unready: [string];
  /** It will not be started again: its settings are wrong, or its store is damaged. */
  refused: [];
  /** It ended without having been told to. Who hears it may say that it is not to be started again. */
  died: [];
}

/** One child process, started again with growing delays when it dies. */
export class SupervisedProcess extends EventEmitter<SupervisedEvents> {
  readonly name: string;
  ready = false;
  restarts = 0;
  private readonly command: ProcessCommand;
  private readonly log: Logger;
  private readonly writeLine: (line: string) => void;
  private readonly backOff: BackOff;
  private child: ChildProcess | undefined;
  private delay: number;
  private timer: NodeJS.Timeout | undefined;
  private stopping = false;
  private restarting = false;

  constructor(
    command: ProcessCommand,
    log: Logger,
    writeLine: (line: string) => void,
    backOff = DEFAULT_BACK_OFF,
  ) {
    super();
    this.name = command.name;
    this.command = command;
    this.log = log;
    this.writeLine = writeLine;
    this.backOff = backOff;
    this.delay = backOff.firstMilliseconds;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  start(): void {
    if (this.stopping || this.child !== undefined) return;
    const startedAt = Date.now();
    const child = spawn(process.execPath, [...this.command.nodeOptions, this.command.main], {
      env: this.command.environment(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) eachLine(stream, this.writeLine);
    }
    child.on('message', (message) => {
      if (!isReadiness(message)) return;
      this.ready = message.ready;
      if (!message.ready) {
        this.emit('unready', message.reason ?? 'unknown');
        return;
      }
      // What it logged before came by another pipe: that is read in this turn of the event loop.
      setImmediate(() => {
        if (this.child === child) this.emit('ready', message.addresses);
      });
    });
    child.on('error', (error) =>
      this.log.error({ code: 'start.spawn-failed', name: this.name, error }, 'cannot start'),
    );
    // 'close', not 'exit': the last lines come before it.
    child.once('close', (code, signal) => this.ended(code, signal, Date.now() - startedAt));
  }

  /** Its end is wanted from now on: it is not started again. */
  expectEnd(): void {
    this.stopping = true;
    clearTimeout(this.timer);
  }

  /** Asks it to stop, then SIGKILL; resolves when the process is gone. */
  async stop(limitMilliseconds = STOP_MILLISECONDS): Promise<void> {
    this.expectEnd();
    await this.end(limitMilliseconds);
  }

  /** Ends the process and starts it again at once. */
  async restart(): Promise<void> {
    this.restarting = true;
    clearTimeout(this.timer);
    await this.end(STOP_MILLISECONDS);
    this.restarting = false;
    this.start();
  }

  /** Ends the process; it is not started again until {@link restart}. */
  async halt(): Promise<void> {
    this.restarting = true;
    clearTimeout(this.timer);
    await this.end(STOP_MILLISECONDS);
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  private async end(limitMilliseconds: number): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    const kill = setTimeout(() => {
      this.log.warn({ code: 'start.killed', name: this.name }, 'it did not stop in time');
      child.kill('SIGKILL');
    }, limitMilliseconds);
    const closed = once(child, 'close');
    // A message, not SIGTERM: should a supervisor signal the whole group, a process is still told once.
    if (child.connected) child.send({ type: 'stop' }, () => undefined);
    else child.kill('SIGTERM');
    await closed;
    clearTimeout(kill);
  }

  private ended(code: number | null, signal: NodeJS.Signals | null, livedMilliseconds: number): void {
    this.child = undefined;
    this.ready = false;
    if (this.stopping || this.restarting) return;
    if (code === EXIT.settings || code === EXIT.damaged) {
      this.log.error(
        { code: 'start.refused', name: this.name, exitCode: code },
        `${code === EXIT.settings ? 'its settings are wrong' : 'its store is damaged'}: it is not started again`,
      );
      this.emit('refused');
      return;
    }
    this.emit('died');
    if (this.ending()) {
      this.log.error(
        { code: 'start.failed', name: this.name, exitCode: code, signal },
        `${this.name} could not start: its own lines say why`,
      );
      return;
    }
    if (livedMilliseconds >= this.backOff.stableMilliseconds) this.delay = this.backOff.firstMilliseconds;
    const delay = this.delay;
    this.delay = Math.min(this.delay * 2, this.backOff.lastMilliseconds);
    this.restarts++;
    this.log.error(
      { code: 'start.died', name: this.name, exitCode: code, signal, restartInMilliseconds: delay },
      `${this.name} died: it is started again`,
    );
    this.timer = setTimeout(() => this.start(), delay);
  }

  /** Asked after others have been heard, who may have called {@link expectEnd}. */
  private ending(): boolean {
    return this.stopping;
  }
}

function isReadiness(
  message: unknown,
): message is { type: 'readiness'; ready: boolean; reason?: string; addresses: Record<string, string> } {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'readiness';
}

function eachLine(stream: NodeJS.ReadableStream, write: (line: string) => void): void {
  let buffered = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (buffered + chunk).split('\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) write(line);
  });
  stream.on('end', () => {
    if (buffered !== '') write(buffered);
  });
}
