import type { Socket } from 'node:net';

interface OutboundLimits {
  /** Bytes that may wait for the server before `send` refuses. */
  readonly bytes: number;
  /** Below this many, `drained` resolves. */
  readonly lowWater: number;
}

/**
 * What waits to be written to one stream: texts are joined and written once per turn of the event loop (a write a stanza
 * costs more than the stanza), and counted until the operating system has them.
 */
export class OutboundQueue {
  private readonly limits: OutboundLimits;
  private socket: Socket | null = null;
  private parts: string[] = [];
  private partBytes = 0;
  private scheduled = false;
  private waiters: (() => void)[] = [];

  constructor(limits: OutboundLimits) {
    this.limits = limits;
  }

  /** Bytes taken and not yet handed to the operating system. */
  get bytes(): number {
    return this.partBytes + (this.socket?.writableLength ?? 0);
  }

  /** Begins writing to a stream that is up. */
  attach(socket: Socket): void {
    this.socket = socket;
    this.wake();
  }

  /** The stream is lost: what waited for it is dropped (XEP-0114 has no acknowledgement to tell what arrived). */
  detach(): void {
    this.socket = null;
    this.parts = [];
    this.partBytes = 0;
  }

  /** Takes a stanza; false when the link is down or too much waits already. */
  push(text: string): boolean {
    if (this.socket === null || this.bytes >= this.limits.bytes) return false;
    this.take(text);
    return true;
  }

  /**
   * Takes an answer to something that was accepted, for which there is room beyond the limit; false when even that is
   * used up (the server does not read: the caller gives the stream up) or the link is down.
   */
  pushAnswer(text: string): boolean {
    if (this.socket === null || this.bytes >= this.limits.bytes * 2) return false;
    this.take(text);
    return true;
  }

  /** Writes what has been taken, now. */
  flush(): void {
    this.scheduled = false;
    const { socket, parts } = this;
    if (socket === null || parts.length === 0) return;
    const text = parts.length === 1 ? (parts[0] ?? '') : parts.join('');
    this.parts = [];
    this.partBytes = 0;
    socket.write(text, this.written);
  }

  /** Resolves when little waits on a stream that is up: at once, or when it does. */
  drained(): Promise<void> {
    if (this.isLow()) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiters.push(resolve);
    });
  }

  /** Lets go of everyone who awaits {@link drained}: there will be no other stream. */
  release(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }

  private take(text: string): void {
    this.parts.push(text);
    this.partBytes += Buffer.byteLength(text);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.flushLater);
  }

  private readonly flushLater = (): void => this.flush();
  private readonly written = (): void => this.wake();

  private isLow(): boolean {
    return this.socket !== null && this.bytes < this.limits.lowWater;
  }

  private wake(): void {
    if (this.waiters.length > 0 && this.isLow()) this.release();
  }
}
