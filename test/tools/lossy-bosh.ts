import assert from 'node:assert/strict';
import { BoshClient, message, post } from './bosh-client.js';
import type { TestBosh } from './bosh-server.js';
import type { ScriptedStream } from './scripted-upstream.js';

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** One client, as XEP-0124 wants it, on a bad network. */
class LossyClient {
  readonly client: BoshClient;
  readonly #random: () => number;
  readonly #acknowledges: boolean;
  readonly #responses = new Map<number, string>();
  readonly #open = new Set<number>();
  #requests = 2;
  /** The lowest rid without a response. */
  #first = 0;
  /** Ids of messages from the server, in the order in which the client may process them. */
  readonly received: number[] = [];
  problem: unknown;
  lost = 0;

  constructor(port: number, random: () => number, acknowledges: boolean) {
    this.client = new BoshClient(port, 1_000 + Math.floor(random() * 1e9));
    this.#random = random;
    this.#acknowledges = acknowledges;
  }

  async create(hold: number): Promise<void> {
    const { body } = await this.client.create({ hold, wait: 1, ack: this.#acknowledges ? 1 : undefined });
    this.#requests = Number(body.attrs['requests']);
    this.#first = this.client.rid;
  }

  get mayAsk(): boolean {
    return this.client.rid < this.#first + this.#requests;
  }

  get isQuiet(): boolean {
    return this.#open.size === 0;
  }

  /** Sends the next request, again and again until its response has come. */
  ask(payload: string): void {
    const { rid } = this.client;
    const got = this.#first - 1;
    const ack = this.#acknowledges && got < rid - 1 ? got : undefined;
    const text = this.client.text({ ack }, payload);
    this.#open.add(rid);
    this.#until(rid, text).catch((error: unknown) => {
      this.problem ??= error;
    });
  }

  async #until(rid: number, text: string): Promise<void> {
    for (;;) {
      await pause(this.#random() * 8);
      // The first is lost in any case: without a loss the run would show nothing.
      const breaks = this.lost === 0 || this.#random() < 0.3;
      const controller = new AbortController();
      if (breaks) setTimeout(() => controller.abort(), this.#random() * 25);
      const answer = await post(this.client.port, text, { signal: controller.signal }).catch(() => undefined);
      if (answer === undefined || (breaks && (this.lost === 0 || this.#random() < 0.3))) {
        // Lost on the way, or when it was nearly there.
        this.lost++;
        continue;
      }
      const { type, condition } = answer.body.attrs;
      if (type === 'error') continue;
      assert.equal(type, undefined, `${type} ${condition}`);
      this.#responses.set(rid, answer.text);
      this.#open.delete(rid);
      this.#process();
      return;
    }
  }

  /** "The client MUST process responses received from the connection manager in the order the requests were made." */
  #process(): void {
    for (;;) {
      const text = this.#responses.get(this.#first);
      if (text === undefined) return;
      this.#responses.delete(this.#first);
      this.#first++;
      for (const [, id] of text.matchAll(/<message[^>]* id='(\d+)'/g)) this.received.push(Number(id));
    }
  }
}

interface LossyRun {
  readonly hold: number;
  readonly acknowledges: boolean;
  /** Messages each way. */
  readonly count: number;
  readonly seed: number;
}

/** Limits of the BOSH side that such a run wants. */
export const lossyLimits = { wait: 1, polling: 0, repeats: 1_000, reportAfter: 0 };

/**
 * One session on a bad network: requests overtake each other, connections break before or after the request or the
 * response has come, the server takes no more for a while. Rejects unless everything arrives once and in order.
 */
export async function runOverLossyNetwork(bosh: TestBosh, run: LossyRun): Promise<void> {
  const { hold, acknowledges, count, seed } = run;
  const random = generator(seed + hold + (acknowledges ? 100 : 0));
  const client = new LossyClient(bosh.port, random, acknowledges);
  await client.create(hold);
  const stream: ScriptedStream = bosh.upstream.last;
  let [asked, said] = [0, 0];
  const deadline = performance.now() + 20_000 + 1_000 * count;
  while (asked < count || client.received.length < count || !client.isQuiet) {
    if (client.problem !== undefined) throw client.problem;
    assert.ok(performance.now() < deadline, `${asked} asked, ${client.received.length} received`);
    if (client.mayAsk && asked < count && random() < 0.5)
      client.ask(message(String(asked++), 'x'.repeat(50)));
    // Clients ask without having anything to say when no request is open.
    else if (client.mayAsk && client.isQuiet) client.ask('');
    if (said < count && random() < 0.4) stream.say(message(String(said++)));
    if (random() < 0.1) stream.accepts = false;
    else if (!stream.accepts && random() < 0.4) stream.resume();
    // The features were the first element; nothing may be thought delivered that was not.
    assert.ok(stream.acknowledgedCount <= client.received.length + 1, 'acknowledged before it came');
    await pause(random() * 6);
  }
  const all = Array.from({ length: count }, (_, k) => k);
  assert.deepEqual(client.received, all);
  assert.deepEqual(
    stream.sent.map((text) => Number(/ id='(\d+)'/.exec(text)?.[1])),
    all,
  );
  assert.ok(client.lost > 0, 'the network was bad');
  stream.resume();
  await client.client.send({ type: 'terminate' });
  assert.equal(stream.closedBy, 'closed');
}
