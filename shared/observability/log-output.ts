import { write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** Lines that may wait for a reader that is slower than we are, in characters; more are dropped and counted. */
const WAITING = 4 * 1024 * 1024;
const BATCH = 64 * 1024;
const RETRY_MILLISECONDS = 20;
/** What the last lines may cost a process that ends. */
const LAST_MILLISECONDS = 500;

const outputs = new Map<number, LogOutput>();

/**
 * Log lines on their way to a file descriptor. Whoever can make us log can make us log much: the event loop never waits
 * for the reader of the log, and what a reader that has stopped costs is bounded.
 */
export class LogOutput implements DestinationStream {
  readonly #descriptor: number;
  #lines: string[] = [];
  #size = 0;
  #rest: Buffer | null = null;
  #busy = false;
  #dropped = 0;
  #accepted = 0;
  /** Whom to tell when so many of the accepted lines have left. */
  #waiting: { readonly lines: number; readonly call: () => void }[] = [];

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
    process.on('exit', () => this.#finish());
  }

  /** The one output of this process to that descriptor. */
  static to(descriptor: number): LogOutput {
    let output = outputs.get(descriptor);
    if (output === undefined) {
      output = new LogOutput(descriptor);
      outputs.set(descriptor, output);
    }
    return output;
  }

  write(line: string): void {
    if (this.#size > WAITING) {
      this.#dropped++;
      return;
    }
    this.#lines.push(line);
    this.#accepted++;
    this.#size += line.length;
    if (this.#busy) return;
    this.#busy = true;
    // what one turn says is one write
    setImmediate(() => this.#next());
  }

  /** Calls when the lines of before are where the reader finds them; at once where none waits. */
  whenWritten(call: () => void): void {
    if (this.#busy) this.#waiting.push({ lines: this.#accepted, call });
    else call();
  }

  /**
   * Ends the process when the lines of before have left: what is on its way to a slow reader at `process.exit` comes after the
   * lines that were still here. A reader that has stopped is not waited for.
   */
  static exit(code: number): void {
    setTimeout(() => process.exit(code), LAST_MILLISECONDS);
    LogOutput.to(1).whenWritten(() => process.exit(code));
  }

  #take(): Buffer | null {
    if (this.#rest !== null) return this.#rest;
    if (this.#lines.length === 0) return null;
    let count = 0;
    let size = 0;
    while (count < this.#lines.length && size < BATCH) size += this.#lines[count++]?.length ?? 0;
    const text = this.#lines.splice(0, count).join('');
    this.#size -= size;
    if (this.#dropped > 0 && this.#size < WAITING / 2) {
      const lost = {
        level: 'warn',
        time: new Date().toISOString(),
        code: 'log.dropped',
        count: this.#dropped,
      };
      this.#dropped = 0;
      return Buffer.from(`${text}${JSON.stringify(lost)}\n`);
    }
    return Buffer.from(text);
  }

  #next(): void {
    const bytes = this.#take();
    if (bytes === null) {
      this.#busy = false;
      return;
    }
    const leaving = this.#accepted - this.#lines.length;
    write(this.#descriptor, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        this.#rest = bytes;
        setTimeout(() => this.#next(), RETRY_MILLISECONDS).unref();
        return;
      }
      // nobody reads any more: nothing can be done about that line
      this.#rest = error !== null || written >= bytes.length ? null : bytes.subarray(written);
      if (this.#rest === null) this.#hasLeft(leaving);
      this.#next();
    });
  }

  #hasLeft(lines: number): void {
    const told = this.#waiting.findIndex((waiting) => waiting.lines > lines);
    for (const { call } of this.#waiting.splice(0, told < 0 ? this.#waiting.length : told)) call();
  }

  /** The last lines of a process that ends, as far as somebody takes them. */
  #finish(): void {
    const end = performance.now() + LAST_MILLISECONDS;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let bytes = this.#take(); bytes !== null && performance.now() < end; bytes = this.#take()) {
      this.#rest = null;
      try {
        const written = writeSync(this.#descriptor, bytes);
        if (written < bytes.length) this.#rest = bytes.subarray(written);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        this.#rest = bytes;
        Atomics.wait(pause, 0, 0, 5);
      }
    }
  }
}
