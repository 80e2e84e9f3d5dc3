import type { Logger } from '../../shared/observability/types.js';
import type { Outgoing, Write } from './work.js';
import { Work } from './work.js';

interface DeliveryOptions {
  readonly log: Logger;
  /** False when the stream does not take it now. */
  readonly send: (text: string) => boolean;
  readonly connected: () => boolean;
  readonly drained: () => Promise<void>;
  /** Begins the writes of a batch. */
  readonly commit: (batch: readonly Work[]) => readonly Write[];
  /** Called for each work that could not be made durable: what is to be sent instead. */
  readonly failed: (work: Work, reason: unknown) => Outgoing[];
  /** Sends a broadcast to one or more addressees from that place on: to how many, 0 when the stream does not take it now. */
  readonly broadcast: (outgoing: Exclude<Outgoing, string>, from: number) => number;
  /** Stanzas that may wait before the service says it is congested; long ones count as several. */
  readonly backlog: number;
}

/**
 * Work on its way out: first everything it changes is made durable, all work of one turn of the event loop in one
 * batch; then its texts are sent, in the order in which the stanzas came. One batch is being committed at a time,
 * so that under load a commit covers all that came during the one before.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  #waiting: Work[] = [];
  #committing = false;
  #scheduled = false;
  readonly #queue: Work[] = [];
  /** Where the first work of the queue stands: the text, and the addressee within it. */
  #text = 0;
  #addressee = 0;
  #stalled = false;
  #size = 0;
  /** Of what waits to be committed, and of what is being committed. */
  #waitingSize = 0;
  #committingSize = 0;
  #retry: Work | null = null;
  #idle: (() => void)[] = [];

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** More waits for the store and the link than may. */
  get congested(): boolean {
    return this.#size + this.#waitingSize + this.#committingSize > this.#options.backlog;
  }

  get size(): number {
    return this.#size;
  }

  /** Everything that was submitted is durable. */
  get durable(): boolean {
    return this.#waiting.length === 0 && !this.#committing && this.#retry === null;
  }

  submit(work: Work, front = false): void {
    if (front) {
      this.#restart();
      this.#queue.unshift(work);
      this.#size += sizeOf(work);
      this.#pump();
      return;
    }
    if (!work.writes && this.#waiting.length === 0 && !this.#committing) {
      this.#enqueue(work);
      return;
    }
    this.#waiting.push(work);
    this.#waitingSize += sizeOf(work);
    if (this.#scheduled || this.#committing) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  /** Resolves when all that was submitted is durable and sent. */
  settled(): Promise<void> {
    if (this.#waiting.length === 0 && !this.#committing && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The link is up: whatever the stream lost of the first work is sent again from its beginning. */
  linkUp(): void {
    this.#restart();
    this.#stalled = false;
    this.#pump();
  }

  /** Stanzas may come on the next stream before `linkUp`: what they cause waits behind what this stream lost. */
  linkLost(): void {
    this.#restart();
    this.#stalled = true;
  }

  #restart(): void {
    this.#text = 0;
    this.#addressee = 0;
  }

  #commit(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#committingSize = this.#waitingSize;
    this.#waitingSize = 0;
    const retried = this.#retry;
    this.#retry = null;
    this.#committing = true;
    const writes = this.#options.commit(retried === null ? batch : [retried, ...batch]);
    Promise.allSettled(writes.map((write) => write.done)).then((results) => {
      const failed = new Map<Write['of'], unknown>();
      for (const [index, result] of results.entries()) {
        const of = writes[index]?.of;
        if (result.status === 'rejected' && of !== undefined) failed.set(of, result.reason);
      }
      if (failed.size > 0) this.#refuse(batch, retried, failed);
      this.#committing = false;
      this.#committingSize = 0;
      for (const work of retried === null ? batch : [retried, ...batch])
        for (const tell of work.durable) tell();
      for (const work of batch) this.#enqueue(work);
      if (this.#waiting.length > 0) this.#commit();
      else this.#pump();
    });
  }

  /** Writes what could not be written before, if there is any and nothing else is being written. */
  writeAgain(): void {
    if (this.#retry !== null && !this.#scheduled && !this.#committing) this.#commit();
  }

  /**
   * Not durable: whoever asked for it is not told that it is done; the state is written with the next batch. What of the
   * batch did become durable goes its way (a store need not take all of a batch or nothing).
   */
  #refuse(batch: readonly Work[], retried: Work | null, failed: ReadonlyMap<Write['of'], unknown>): void {
    const [[, reason] = []] = failed;
    this.#options.log.error({ code: 'muc.storage-failed', error: String(reason) }, 'changes are not durable');
    const retry = new Work(null);
    const changed = new Set(failed.keys());
    for (const work of retried === null ? batch : [retried, ...batch]) {
      if (work.touches(changed)) {
        work.out = this.#options.failed(work, reason);
        work.sent.length = 0;
        retry.durable.push(...work.durable.splice(0));
      }
      for (const room of work.rooms) retry.rooms.add(room);
      for (const [session, room] of work.sessions) retry.sessions.set(session, room);
    }
    if (retry.writes) this.#retry = retry;
  }

  #enqueue(work: Work): void {
    this.#queue.push(work);
    this.#size += sizeOf(work);
    this.#pump();
  }

  #pump(): void {
    if (this.#stalled) return;
    for (let work = this.#queue[0]; work !== undefined; work = this.#queue[0]) {
      if (!this.#transmit(work)) {
        this.#stall();
        return;
      }
      this.#queue.shift();
      this.#size -= sizeOf(work);
      for (const notify of work.sent) notify();
    }
    if (this.#waiting.length > 0 || this.#committing) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #transmit(work: Work): boolean {
    const { send, broadcast } = this.#options;
    for (let next = work.out[this.#text]; next !== undefined; next = work.out[this.#text]) {
      if (typeof next === 'string') {
        if (!send(next)) return false;
      } else {
        while (this.#addressee < next.to.length) {
          const taken = broadcast(next, this.#addressee);
          if (taken === 0) return false;
          this.#addressee += taken;
        }
        this.#addressee = 0;
      }
      this.#text++;
    }
    this.#text = 0;
    return true;
  }

  #stall(): void {
    this.#stalled = true;
    // Without a link it is `linkUp` that goes on.
    if (!this.#options.connected()) return;
    this.#options.drained().then(
      () => {
        this.#stalled = false;
        this.#pump();
      },
      () => undefined,
    );
  }
}

/** Characters that count as one more stanza: the backlog is one of bytes as well. */
const CHARACTERS = 512;

function sizeOf(work: Work): number {
  let size = 0;
  for (const outgoing of work.out) {
    if (typeof outgoing === 'string') size += 1 + Math.floor(outgoing.length / CHARACTERS);
    // Its text is there once for all.
    else size += outgoing.to.length + Math.floor(outgoing.text.tail.length / CHARACTERS);
  }
  return size;
}
