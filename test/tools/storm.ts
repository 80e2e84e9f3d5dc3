import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Address } from './core-harness.js';
import { LedgerClient } from './ledger/client.js';
import type { StormData, StormNews } from './storm-worker.js';

const after = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** A server that can be killed and started again at the same address. */
export interface StormTarget {
  readonly name: string;
  readonly address: Address;
  /** Of the process whose memory counts, in its present life. */
  pid(): number;
  kill(): Promise<void>;
  /** Resolves when it says that it is ready. */
  start(): Promise<void>;
}

export interface StormResult {
  /** Milliseconds from the kill until the server was ready. */
  readonly ready: number;
  /** Until half, 99 of a hundred and all of the sessions were back. */
  readonly half: number;
  readonly most: number;
  readonly all: number;
  /** The most memory that the process took, in bytes (peak of its resident set). */
  readonly peak: number;
  readonly before: number;
  /** Latency of messages between two sessions while the others came back, in ms. */
  readonly messages: { readonly count: number; readonly median: number; readonly p99: number };
  /** What clients were told when they could not come up, by how often. */
  readonly refusals: ReadonlyMap<string, number>;
}

/** Many sessions that lose their server at once and all come back. */
export class Storm {
  readonly #target: StormTarget;
  readonly #worker: Worker;
  readonly #sessions: number;
  readonly #up = new Map<number, number>();
  #reasons: ((reasons: readonly string[]) => void) | null = null;
  readonly #writer: LedgerClient;
  readonly #reader: LedgerClient;
  #latencies: number[] = [];

  private constructor(target: StormTarget, sessions: number, pause: number) {
    this.#target = target;
    this.#sessions = sessions;
    const { host, port } = target.address;
    this.#worker = new Worker(new URL('./storm-worker.js', import.meta.url), {
      workerData: { host, port, sessions, pause } satisfies StormData,
    });
    this.#worker.on('message', (news: StormNews) => {
      if ('reasons' in news) this.#reasons?.(news.reasons);
      else if (!this.#up.has(news.up)) this.#up.set(news.up, news.at);
    });
    const bystander = (user: string, stanza?: (body: number) => void): LedgerClient => {
      const client: LedgerClient = new LedgerClient({
        address: () => target.address,
        user,
        resource: 'r',
        pause: () => 20,
        up: () => client.send('<presence/>'),
        stanza: (received) => {
          const sent = received.name === 'message' ? /<body>([\d.]+)</.exec(received.source)?.[1] : undefined;
          if (sent !== undefined && !received.source.includes('urn:xmpp:delay')) stanza?.(Number(sent));
        },
      });
      return client;
    };
    this.#writer = bystander('writer');
    this.#reader = bystander('reader', (sent) => this.#latencies.push(performance.now() - sent));
  }

  /** All sessions are up when this resolves. Accounts `storm0`…, `writer`, `reader`: password `secret`. */
  static async gather(target: StormTarget, sessions: number, pause = 300): Promise<Storm> {
    const storm = new Storm(target, sessions, pause);
    await Promise.all([storm.#writer.start(), storm.#reader.start()]);
    storm.#worker.postMessage('start');
    await storm.#everybody(300_000);
    return storm;
  }

  async #everybody(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    while (this.#up.size < this.#sessions) {
      if (performance.now() > end)
        throw new Error(
          `${this.#up.size} of ${this.#sessions} sessions of ${this.#target.name} are up: ${JSON.stringify([...(await this.#refusals())])}`,
        );
      await after(10);
    }
  }

  /** Kills the server, starts it again, and waits until everybody is back. */
  async strike(milliseconds = 300_000): Promise<StormResult> {
    const before = memory(this.#target.pid(), 'VmRSS');
    this.#up.clear();
    this.#latencies = [];
    const begin = performance.timeOrigin + performance.now();
    await this.#target.kill();
    const since = () => performance.timeOrigin + performance.now() - begin;
    let ready = 0;
    const talking = setInterval(() => {
      if (this.#writer.online && this.#reader.online)
        this.#writer.send(
          `<message to='${this.#reader.jid}' type='chat'><body>${performance.now()}</body></message>`,
        );
    }, 10);
    try {
      await Promise.all([
        this.#target.start().then(() => {
          ready = since();
        }),
        this.#everybody(milliseconds),
      ]);
    } finally {
      clearInterval(talking);
    }
    await after(300);
    const times = [...this.#up.values()].map((at) => at - begin).sort((a, b) => a - b);
    const latencies = [...this.#latencies].sort((a, b) => a - b);
    return {
      ready,
      half: at(times, 0.5),
      most: at(times, 0.99),
      all: at(times, 1),
      peak: memory(this.#target.pid(), 'VmHWM'),
      before,
      messages: { count: latencies.length, median: at(latencies, 0.5), p99: at(latencies, 0.99) },
      refusals: await this.#refusals(),
    };
  }

  async #refusals(): Promise<ReadonlyMap<string, number>> {
    const reasons = await new Promise<readonly string[]>((resolve) => {
      this.#reasons = resolve;
      this.#worker.postMessage('reasons');
    });
    const counts = new Map<string, number>();
    for (const reason of reasons) {
      const kind =
        /<failure[^>]*><([a-z-]+)/.exec(reason)?.[1] ??
        /<([a-z-]+) xmlns=['"]urn:ietf:params:xml:ns:xmpp-(?:streams|stanzas)/.exec(reason)?.[1] ??
        reason.replace(/ [\d.:]+$/, '');
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return counts;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#writer.stop(false), this.#reader.stop(false), this.#worker.terminate()]);
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024;
}
