import { readdirSync, readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import type { Logger } from '../observability/types.js';

/** Left for what the process opens itself: its store, its log. */
const RESERVE = 24;
const COUNT_EVERY = 250;
const SAY_EVERY = 60_000;

/**
 * How many more connections may be accepted, or opened, before the file descriptors of the process run out. Counting them costs time with
 * thousands of connections, so it is done only when what was free at the last count is used up.
 */
export class DescriptorBudget {
  readonly #limit: number;
  readonly #count: () => number;
  #left = 0;
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(limit = descriptorLimit(), count = openDescriptors) {
    this.#limit = limit;
    this.#count = count;
  }

  /** Takes one, if there is one to take. */
  take(): boolean {
    if (this.#limit === Number.POSITIVE_INFINITY) return true;
    if (this.#left <= 0) {
      const now = performance.now();
      if (now - this.#countedAt < COUNT_EVERY) return false;
      this.#countedAt = now;
      this.#left = this.#limit - Math.min(RESERVE, this.#limit / 4) - this.#count();
      if (this.#left <= 0) return false;
    }
    this.#left--;
    return true;
  }
}

const ofThisProcess = new DescriptorBudget();

/** For a connection that this process opens itself: false where it must not, so that something is left. */
export function takeDescriptor(): boolean {
  return ofThisProcess.take();
}

let saidAt = Number.NEGATIVE_INFINITY;
let refused = 0;

/**
 * Lets a listener close at once what comes when descriptors are running out, instead of taking the last one: the store, the log
 * and those who are connected go on. Said once a minute at most.
 */
export function spareDescriptors(server: Server, log: Logger, budget = ofThisProcess): void {
  let own = server.maxConnections;
  // Looked at for each connection, before anything is made of it; reached by any number of connections when negative.
  Object.defineProperty(server, 'maxConnections', {
    configurable: true,
    get: () => (budget.take() ? own : -1),
    set: (value: number) => {
      own = value;
    },
  });
  server.on('drop', () => {
    // one that its own bound has dropped
    if (own !== undefined && own !== null) return;
    refused++;
    const now = performance.now();
    if (now - saidAt < SAY_EVERY) return;
    saidAt = now;
    log.error(
      { code: 'process.descriptors-exhausted', refused },
      'connections are refused: the process has no file descriptors left (raise the limit of open files)',
    );
  });
}

function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Looking needs one itself.
    return Number.POSITIVE_INFINITY;
  }
}
