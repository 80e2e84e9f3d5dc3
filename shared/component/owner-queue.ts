/** Work on behalf of one owner; a returned promise holds up the owner's later work. */
type OwnerTask = () => void | Promise<void>;

/**
 * Runs each owner's work in order, different owners' side by side (RFC 6120 §10.1). While nothing of an owner waits, work
 * runs at once and costs no promise.
 */
export class OwnerQueue {
  private readonly busy = new Map<string, OwnerTask[]>();
  private readonly limitPerOwner: number;
  private readonly failed: (error: unknown) => void;
  private waiters: (() => void)[] = [];

  /** `failed` hears what a task threw: tasks are expected to answer for their own errors. */
  constructor(options: { limitPerOwner: number; failed: (error: unknown) => void }) {
    this.limitPerOwner = options.limitPerOwner;
    this.failed = options.failed;
  }

  /** How many owners have unfinished work. */
  get size(): number {
    return this.busy.size;
  }

  /** Runs the task now, or after the owner's earlier ones. False when too many of this owner wait: it was not taken. */
  run(owner: string, task: OwnerTask): boolean {
    const waiting = this.busy.get(owner);
    if (waiting !== undefined) {
      if (waiting.length >= this.limitPerOwner) return false;
      waiting.push(task);
      return true;
    }
    const pending = this.attempt(task);
    if (pending !== undefined) {
      const queue: OwnerTask[] = [];
      this.busy.set(owner, queue);
      void this.work(owner, queue, pending);
    }
    return true;
  }

  /** Resolves when all work that was taken is done. */
  idle(): Promise<void> {
    if (this.busy.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiters.push(resolve);
    });
  }

  private async work(owner: string, queue: OwnerTask[], first: Promise<void>): Promise<void> {
    await first;
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      const pending = this.attempt(task);
      if (pending !== undefined) await pending;
    }
    this.busy.delete(owner);
    if (this.busy.size > 0) return;
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Starts a task; the promise, if it made one, never rejects. */
  private attempt(task: OwnerTask): Promise<void> | undefined {
    try {
      return task()?.catch(this.failed);
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }
}
