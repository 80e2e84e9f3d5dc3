import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type Address, CoreUnderTest, type ProcessUnderTest } from './core-harness.js';
import { FULL } from './long-mode.js';

/**
 * Below this, in milliseconds, nobody is called hurt. The short modes run where others take a processor away for as long as
 * they like: there only those are hurt who wait as long as an attack goes on, not those who wait for the machine.
 */
const FLOOR_MILLISECONDS = FULL ? 100 : 500;
const FACTOR = 3;
/** A core that waits so many times as long as it runs is measured by the machine, not by what it does. */
const STARVED = 3;
const CONTROL_MILLISECONDS = 700;
/** A control is good for so long. */
const CONTROL_AGE_MILLISECONDS = 20_000;
/** What was sent during an attack arrives, however late: this only ends what hangs. */
const ARRIVAL_MILLISECONDS = 60_000;
/** How often an attack is looked at before it is believed. */
const LOOKS = 3;
/** Fewer messages than this say nothing about the slowest of a hundred: one that a busy machine held up must not be it. */
const ENOUGH = 150;

/** What the bystanders went through in some time. */
interface Latencies {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
}

/** Bystanders had to wait, and not for the machine, as far as that can be told. */
class Hurt extends assert.AssertionError {}

/**
 * A test of which bystanders must not notice anything, and which can be repeated: one look at a machine that stood still for
 * a moment does not tell who was at fault.
 */
export function testUnhurt(name: string, body: (context: TestContext) => Promise<void>): void {
  test(name, async (context) => {
    for (let look = 1; look < LOOKS; look++) {
      try {
        return await body(context);
      } catch (error) {
        if (!(error instanceof Hurt)) throw error;
        context.diagnostic(`look ${look}: ${error.message}`);
      }
    }
    await body(context);
  });
}

/** Two users (`writer` and `reader`, password `secret`) who chat while others attack: they must not notice. */
export class Bystanders {
  readonly #worker: Worker;
  readonly #core: CoreUnderTest | null;
  #control: { readonly latencies: Latencies; readonly at: number } | null = null;
  #sent = 0;
  #times: number[] = [];

  private constructor(worker: Worker, core: CoreUnderTest | null) {
    this.#worker = worker;
    this.#core = core;
    worker.on('message', (news: { sent?: number; milliseconds?: number }) => {
      if (news.sent !== undefined) this.#sent++;
      if (news.milliseconds !== undefined) this.#times.push(news.milliseconds);
    });
  }

  /** Both log in at this core, or at this door of one, and begin to chat. */
  static async start(where: CoreUnderTest | Address, domain = 'localhost'): Promise<Bystanders> {
    const core = where instanceof CoreUnderTest ? where : null;
    const { host, port } = where instanceof CoreUnderTest ? where.address() : where;
    const worker = new Worker(new URL('./bystander-worker.js', import.meta.url), {
      workerData: { host, port, domain },
    });
    await once(worker, 'message');
    return new Bystanders(worker, core);
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
    const end = performance.now() + ARRIVAL_MILLISECONDS;
    while (this.#times.length < Math.max(sent, ENOUGH)) {
      assert.ok(performance.now() < end, `${this.#times.length} of ${sent} messages of bystanders arrived`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const times = this.#times.toSorted((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return { count: times.length, median: at(0.5), p99: at(0.99) };
  }

  /**
   * Runs an attack; rejects with `Hurt` unless the bystanders' p99 stays within a factor of what it was just before. Where
   * others use the machine, a core that has much to do waits for a processor: what the system says of that stretches the limit.
   */
  async unhurtBy(what: string, attack: () => Promise<unknown>): Promise<Latencies> {
    if (this.#control === null || performance.now() - this.#control.at > CONTROL_AGE_MILLISECONDS)
      this.#control = { latencies: await this.control(), at: performance.now() };
    const control = this.#control.latencies;
    const before = processorTimes(this.#core);
    const attacked = await this.during(attack);
    const after = processorTimes(this.#core);
    const ran = after.ran - before.ran;
    const stretch = ran > 0 ? (ran + after.waited - before.waited) / ran : 1;
    // then all that can be said is that everything arrived
    if (stretch > STARVED) return attacked;
    const most = Math.max(FLOOR_MILLISECONDS, FACTOR * control.p99) * stretch;
    if (attacked.p99 <= most) return attacked;
    this.#control = null;
    const message =
      `${what}: p99 of bystanders ${attacked.p99.toFixed(1)} ms, without it ${control.p99.toFixed(1)} ms; ` +
      `the core got a processor ${(100 / stretch).toFixed(0)} % of the time it wanted one`;
    throw new Hurt({ message, actual: attacked.p99, expected: most, operator: '<=' });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** How long the main thread of a process has run, and waited for a processor, in nanoseconds. */
function processorTimes(core: CoreUnderTest | null): { ran: number; waited: number } {
  const pid = core?.process.child.pid;
  if (pid === undefined) return { ran: 0, waited: 0 };
  try {
    const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')
      .split(' ')
      .map(Number);
    return { ran, waited };
  } catch {
    return { ran: 0, waited: 0 };
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
