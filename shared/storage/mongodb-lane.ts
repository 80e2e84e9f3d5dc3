import { StorageError } from './storage.js';

/** One write, on its way to the database. */
export interface LaneOperation {
  readonly owner: string;
  /** Operations of one owner that may travel together, in their order; others of that owner wait for the next flight. */
  readonly together?: boolean;
  reject(error: unknown): void;
}

interface OwnerState {
  added: number;
  over: number;
  readonly waiting: { readonly until: number; readonly resolve: () => void }[];
}

/** So many operations travel at once. */
const FLIGHT = 1000;

/**
 * The writes of one collection: those of one turn of the event loop travel together, one flight at a time, and
 * those of one owner keep the order in which they were called.
 */
export class Lane<O extends LaneOperation> {
  #queue: O[] = [];
  #flying = false;
  #scheduled = false;
  #closed = false;
  /** Per owner with unfinished operations: how many were added, how many are over, and who waits for how many. */
  readonly #owners = new Map<string, OwnerState>();
  #idle: (() => void)[] = [];
  /** Carries a flight out; settles every operation, and never rejects. */
  readonly #fly: (operations: O[]) => Promise<void>;

  constructor(fly: (operations: O[]) => Promise<void>) {
    this.#fly = fly;
  }

  add(operation: O): void {
    if (this.#closed) {
      operation.reject(new StorageError('unavailable', 'the store is closed'));
      return;
    }
    const entry = this.#owners.get(operation.owner);
    if (entry === undefined) this.#owners.set(operation.owner, { added: 1, over: 0, waiting: [] });
    else entry.added += 1;
    this.#queue.push(operation);
    this.#schedule();
  }

  /** Resolves when the writes of this owner that are under way now are over; at once if there are none. */
  settled(owner: string): Promise<void> | undefined {
    const entry = this.#owners.get(owner);
    if (entry === undefined) return undefined;
    return new Promise((resolve) => entry.waiting.push({ until: entry.added, resolve }));
  }

  /** Resolves when all writes are over. */
  idle(): Promise<void> | undefined {
    if (this.#owners.size === 0) return undefined;
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Takes nothing more; resolves when what was taken is over. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.idle();
  }

  #schedule(): void {
    if (this.#scheduled || this.#flying || this.#queue.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#start();
    });
  }

  async #start(): Promise<void> {
    const flight = this.#board();
    this.#flying = true;
    try {
      await this.#fly(flight);
    } catch (error) {
      for (const operation of flight) operation.reject(error);
    }
    this.#flying = false;
    for (const { owner } of flight) this.#finished(owner);
    // What came meanwhile has waited long enough.
    if (this.#queue.length > 0) void this.#start();
    else if (this.#owners.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #board(): O[] {
    const flight: O[] = [];
    const later: O[] = [];
    /** Whether more of this owner's operations may still board. */
    const open = new Map<string, boolean>();
    for (const operation of this.#queue) {
      const state = open.get(operation.owner);
      const together = operation.together === true;
      if (flight.length < FLIGHT && (state === undefined || (state && together))) {
        flight.push(operation);
        open.set(operation.owner, together);
      } else {
        later.push(operation);
        open.set(operation.owner, false);
      }
    }
    this.#queue = later;
    return flight;
  }

  #finished(owner: string): void {
    const entry = this.#owners.get(owner);
    if (entry === undefined) return;
    entry.over += 1;
    if (entry.over === entry.added) this.#owners.delete(owner);
    while (entry.waiting[0] !== undefined && entry.waiting[0].until <= entry.over)
      entry.waiting.shift()?.resolve();
  }
}
