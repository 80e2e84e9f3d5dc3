/**
 * What privacy lists cost: `node dist/test/bench/privacy.js [PAIRS] [MESSAGES] [ROUNDS]`. Messages per second, and the core's
 * CPU per message, between users with no list, with a block list of 10, and of 1,000 items, in turns on one core. Ends with
 * 1 where the last kind is more than 15 % slower than the first: the median of the rounds' ratios, since a busy machine
 * slows neighbours in time alike.
 */
import { readFileSync } from 'node:fs';
import { CoreUnderTest } from '../tools/core-harness.js';
import { block } from '../tools/privacy.js';
import type { RawClient } from '../tools/raw-client.js';

const [pairs = 10, messages = 10_000, rounds = 15] = process.argv.slice(2).map(Number);
const sizes = [0, 10, 1000];
const LOSS_ALLOWED = 0.15;
/** Messages of a pair that may be on their way. */
const WINDOW = 200;
const BATCH = 25;
/** CPU time in /proc is counted in these (Linux, always 100 a second). */
const TICK_MICROSECONDS = 10_000;

/** Two users who write to each other; counts what arrives by a mark at the end of each message. */
class Pair {
  readonly #from: RawClient;
  readonly #batch: string;
  #arrived = 0;
  #rest = '';
  #wake = (): void => undefined;

  constructor(from: RawClient, to: RawClient) {
    this.#from = from;
    const text = 'But, soft! what light through yonder window breaks?';
    this.#batch = `<message to='${to.jid}' type='chat' id='m'><body>${text}</body></message>`.repeat(BATCH);
    // past the test client's own parser, which would be what is measured
    to.socket.removeAllListeners('data');
    to.socket.on('data', (chunk: Buffer) => {
      const data = this.#rest + chunk.toString('latin1');
      let at = 0;
      for (let found = data.indexOf('</message>'); found >= 0; found = data.indexOf('</message>', at)) {
        this.#arrived++;
        at = found + 10;
      }
      this.#rest = data.slice(Math.max(at, data.length - 9));
      this.#wake();
    });
  }

  async run(count: number): Promise<void> {
    this.#arrived = 0;
    for (let sent = 0; sent < count || this.#arrived < count; ) {
      while (sent < count && sent - this.#arrived < WINDOW) {
        this.#from.send(this.#batch);
        sent += BATCH;
      }
      if (this.#arrived >= count) break;
      await new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error('messages are lost')), 20_000);
        this.#wake = () => {
          clearTimeout(late);
          resolve();
        };
      });
    }
  }
}

const core = await CoreUnderTest.start({
  COMPONENTS: 'privacy',
  COMPONENT_PRIVACY_SECRET: 'secret',
  LOG_LEVEL: 'warn',
});
try {
  await core.component('privacy', { LOG_LEVEL: 'warn' });
  const groups: Pair[][] = [];
  for (const size of sizes) {
    const group: Pair[] = [];
    for (let i = 0; i < pairs; i++) {
      const users = [`from${size}x${i}`, `to${size}x${i}`];
      await core.addUsers(...users);
      const clients: RawClient[] = [];
      for (const user of users) {
        const client = await core.online(user);
        if (size > 0) {
          await block(client, ...Array.from({ length: size }, (_, k) => `spammer${k}@spam${k % 7}.example`));
        }
        await client.ping();
        client.received.length = 0;
        clients.push(client);
      }
      const [from, to] = clients;
      if (from !== undefined && to !== undefined) group.push(new Pair(from, to));
    }
    groups.push(group);
  }
  const rates: number[][] = sizes.map(() => []);
  const costs: number[][] = sizes.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < groups.length; turn++) {
      const index = (turn + round + groups.length) % groups.length;
      const group = groups[index] ?? [];
      const cpu = cpuTicks();
      const begun = performance.now();
      await Promise.all(group.map((pair) => pair.run(messages)));
      const total = messages * group.length;
      // the first round warms up
      if (round < 0) continue;
      rates[index]?.push((total / (performance.now() - begun)) * 1000);
      costs[index]?.push(((cpuTicks() - cpu) * TICK_MICROSECONDS) / total);
    }
  }
  for (const [index, size] of sizes.entries()) {
    const [rate, cost] = [median(rates[index] ?? []), median(costs[index] ?? [])];
    console.log(
      `${String(size).padStart(5)} items: ${Math.round(rate)} messages/s, ${cost.toFixed(1)} µs of CPU each`,
    );
  }
  const ratios = (rates.at(-1) ?? []).map((rate, round) => rate / (rates[0]?.[round] ?? Number.NaN));
  const loss = 1 - median(ratios);
  console.log(`${sizes.at(-1)} items cost ${(loss * 100).toFixed(1)} % of the rate`);
  if (loss > LOSS_ALLOWED) process.exitCode = 1;
} finally {
  await core.stop();
}
process.exit();

/** User and system time of the core so far. */
function cpuTicks(): number {
  const fields = readFileSync(`/proc/${core.process.child.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
