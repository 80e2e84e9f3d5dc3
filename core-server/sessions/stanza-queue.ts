import type { Stanza } from '../../shared/xml/stanza.js';

/** So many places of stanzas that have gone stay before those that wait. */
const KEPT = 64;

/**
 * The outbound side of a session. Without XEP-0198 it holds only what the stream cannot take yet; with it
 * (`keepUntilAcknowledged`) also what was sent and not yet acknowledged, so that it can be sent again or handed on.
 */
export class StanzaQueue {
  /** Stanzas handed to the stream since counting began (XEP-0198 outbound counter, without its modulus). */
  sentCount = 0;
  acknowledgedCount = 0;
  readonly #limit: number;
  #unacknowledged: Stanza[] | null = null;
  /** Those from `#next` on wait: taking the first out of so many thousands would move all others. */
  #waiting: Stanza[] = [];
  #next = 0;
  #bytes = 0;
  /** Who waits until the stanza with this number has left. */
  #watchers: { upTo: number; resolve: () => void }[] = [];
  #flushedCount = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Stanzas that no stream has been given yet. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }
  get unacknowledged(): number {
    return this.#unacknowledged?.length ?? 0;
  }
  /**
   * More bytes wait (sent but unacknowledged ones included) than the operator allows for one client. A single stanza
   * always may: it could be larger than the limit, and nobody would ever get it.
   */
  get overfull(): boolean {
    return this.#bytes > this.#limit && this.waiting + this.unacknowledged > 1;
  }

  /** From now on what is sent is kept until {@link acknowledge}. Counting starts at zero (XEP-0198 §4). */
  keepUntilAcknowledged(): void {
    // what was sent before is nobody's to acknowledge; what waits still will be
    this.#notify(this.sentCount);
    for (const watcher of this.#watchers) watcher.upTo -= this.sentCount;
    this.sentCount = 0;
    this.acknowledgedCount = 0;
    for (const stanza of this.#unacknowledged ?? []) this.#bytes -= stanza.source.length;
    this.#unacknowledged = [];
  }

  /** Whether sent stanzas are kept for acknowledgement. */
  get keeping(): boolean {
    return this.#unacknowledged !== null;
  }

  /** Whether somebody waits for stanzas to leave. */
  get watched(): boolean {
    return this.#watchers.length > 0;
  }
  /** Bytes (UTF-16 units) held in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing waits, and nothing that was sent is unacknowledged or still on its way into the socket. */
  get settled(): boolean {
    return (
      this.waiting === 0 &&
      (this.#unacknowledged === null
        ? this.#flushedCount === this.sentCount
        : this.#unacknowledged.length === 0)
    );
  }

  /** Calls back when everything that is in the queue now has left. */
  whenSettled(resolve: () => void): void {
    this.#watchers.push({ upTo: this.sentCount + this.waiting, resolve });
  }

  /** Without XEP-0198: the socket has taken everything sent so far. */
  flushed(): void {
    this.#flushedCount = this.sentCount;
    this.#notify(this.#flushedCount);
  }

  #notify(count: number): void {
    if (this.#watchers.length === 0) return;
    const ready = this.#watchers.filter((watcher) => watcher.upTo <= count);
    this.#watchers = this.#watchers.filter((watcher) => watcher.upTo > count);
    for (const watcher of ready) watcher.resolve();
  }

  push(stanza: Stanza): void {
    this.#waiting.push(stanza);
    this.#bytes += stanza.source.length;
  }

  /** Records a stanza that went straight to the stream. */
  sent(stanza: Stanza): void {
    this.sentCount++;
    if (this.#unacknowledged === null) return;
    this.#unacknowledged.push(stanza);
    this.#bytes += stanza.source.length;
  }

  /** The next stanza that waits, now counted as sent. */
  shift(): Stanza | undefined {
    const stanza = this.#waiting[this.#next];
    if (stanza === undefined) return undefined;
    this.#next++;
    if (this.#next === this.#waiting.length) this.#wait([]);
    // what has gone is not kept alive for long, and moving the rest is little work for each
    else if (this.#next >= KEPT && this.#next * 2 >= this.#waiting.length)
      this.#wait(this.#waiting.slice(this.#next));
    this.#bytes -= stanza.source.length;
    this.sent(stanza);
    return stanza;
  }

  /** The peer has handled `count` more of what was sent. Returns what is thereby finished. */
  acknowledge(count: number): Stanza[] {
    this.acknowledgedCount += count;
    const finished = this.#unacknowledged?.splice(0, count) ?? [];
    for (const stanza of finished) this.#bytes -= stanza.source.length;
    this.#notify(this.acknowledgedCount);
    return finished;
  }

  /** Sent but unacknowledged stanzas wait again, before all others, because the stream that had them is gone. */
  rewind(): void {
    if (this.#unacknowledged === null) return;
    this.sentCount -= this.#unacknowledged.length;
    this.#wait(this.all());
    this.#unacknowledged = [];
  }

  /** Everything the client has not certainly received, in order. */
  all(): Stanza[] {
    return (this.#unacknowledged ?? []).concat(this.#waiting.slice(this.#next));
  }

  #wait(stanzas: Stanza[]): void {
    this.#waiting = stanzas;
    this.#next = 0;
  }

  /** Empties the queue: everything the client has not certainly received, in order. */
  takeAll(): Stanza[] {
    const all = this.all();
    this.#wait([]);
    if (this.#unacknowledged !== null) this.#unacknowledged = [];
    this.#bytes = 0;
    this.#notify(Number.POSITIVE_INFINITY);
    return all;
  }
}
