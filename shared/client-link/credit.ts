/** Bytes of data that each side may have on its way on one stream (docs/protocols/client-link.md §6). */
export const creditWindow = 65_536;

/** What this side may still send on one stream. */
export class SendCredit {
  #left: number;

  constructor(initial: number) {
    this.#left = initial;
  }

  /** The last element may carry the credit below zero, so that a large one needs no rule of its own. */
  get available(): boolean {
    return this.#left > 0;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }

  grant(bytes: number): void {
    this.#left += bytes;
  }
}

/** What the other side may still send on one stream, and what it is to be granted. */
export class ReceiveCredit {
  /** Left to the sender, by its own count. */
  #left: number;
  /** Disposed of and not granted yet; received and not disposed of. */
  #free = 0;
  #held = 0;
  readonly #window: number;

  constructor(window: number) {
    this.#window = window;
    this.#left = window;
  }

  /** Data came. False: it was sent without credit, which ends the stream. */
  receive(bytes: number): boolean {
    if (this.#left <= 0) return false;
    this.#left -= bytes;
    this.#held += bytes;
    return true;
  }

  /** Data was disposed of. Answers how much to grant now (0: nothing). */
  dispose(bytes: number): number {
    this.#held -= bytes;
    this.#free += bytes;
    const due = this.#free >= this.#window / 2 || (this.#left <= 0 && this.#held <= 0);
    return due ? this.take() : 0;
  }

  /** Takes what has been disposed of, to be granted with some other news. */
  take(): number {
    const bytes = this.#free;
    this.#free = 0;
    this.#left += bytes;
    return bytes;
  }
}
