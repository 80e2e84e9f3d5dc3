import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Address, ProcessUnderTest } from './core-harness.js';

/** Machines are noisy: below this, in milliseconds, nobody is called hurt. */
const FLOOR_MILLISECONDS = 100;
const FACTOR = 3;
const CONTROL_MILLISECONDS = 700;
/** Fewer messages than this say nothing about the slowest of a hundred: one that a busy machine held up must not be it. */
const ENOUGH = 150;

/** What the bystanders went through in some time. */
export interface Latencies {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
}

/** Two users (`writer` and `reader`, password `secret`) who chat while others attack: they must not notice. */
export class Bystanders {
  readonly #worker: Worker;
  #sent = 0;
  #times: number[] = [];

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (news: { sent?: number; milliseconds?: number }) => {
      if (news.sent !== undefined) this.#sent++;
      if (news.milliseconds !== undefined) this.#times.push(news.milliseconds);
    });
  }

  /** Both log in at this door of a core and begin to chat. */
  static async start({ host, port }: Address, domain = 'localhost'): Promise<Bystanders> {
    const worker = new Worker(new URL('./bystander-worker.js', import.meta.url), {
      workerData: { host, port, domain },
    });
    await once(worker, 'message');
    return new Bystanders(worker);
  }

  /** What they go through while nobody attacks. */
  control(milliseconds = CONTROL_MILLISECONDS): Promise<Latencies> {
    return this.during(() => new Promise((resolve) => setTimeout(resolve, milliseconds)));
  }

  /** What they go through while `attack` runs; it goes on until there are enough messages to judge by. */
  async during(attack: () => Promise<unknown>): Promise<Latencies> {
    this.#times = [];
    const sentBefore = this.#sent;
    const settled = attack();
    await settled;
    const sent = this.#sent - sentBefore;
    // what was sent during the attack must arrive, however late
    const end = performance.now() + 20_000;
    while (this.#times.length < Math.max(sent, ENOUGH)) {
      assert.ok(performance.now() < end, `${this.#times.length} of ${sent} messages of bystanders arrived`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const times = this.#times.toSorted((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return { count: times.length, median: at(0.5), p99: at(0.99) };
  }

  /** Runs an attack and asserts that the bystanders' p99 stays within a factor of what it was just before. */
  async unhurtBy(what: string, attack: () => Promise<unknown>): Promise<Latencies> {
    const control = await this.control();
    const attacked = await this.during(attack);
    const most = Math.max(FLOOR_MILLISECONDS, FACTOR * control.p99);
    assert.ok(
      attacked.p99 <= most,
      `${what}: p99 of bystanders ${attacked.p99.toFixed(1)} ms, without it ${control.p99.toFixed(1)} ms`,
    );
    return attacked;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Bytes of memory that a process takes now (resident). */
export function memoryOf(process: ProcessUnderTest): number {
  const status = readFileSync(`/proc/${process.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

/** The most that a process takes while something runs, beyond what it took before, in bytes. */
export async function growthDuring(process: ProcessUnderTest, run: () => Promise<unknown>): Promise<number> {
  const before = memoryOf(process);
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(process));
  }, 20);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return Math.max(most, memoryOf(process)) - before;
}
