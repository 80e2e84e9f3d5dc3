/**
 * A timer for a deadline that moves with nearly every request. Moving it is a store: the real timer is left as it is while
 * it fires no later than the deadline, and then looks whether there is still something to wait for.
 */
export class LazyTimer {
  readonly #expired: () => void;
  /** By the monotonic clock, in milliseconds; infinite: nothing is waited for. */
  #deadline = Number.POSITIVE_INFINITY;
  #firesAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  get isSet(): boolean {
    return this.#deadline !== Number.POSITIVE_INFINITY;
  }

  /** Has `expired` called after so many milliseconds, unless the deadline is set anew or cleared before. */
  set(milliseconds: number): void {
    const now = performance.now();
    this.#deadline = now + milliseconds;
    if (this.#timer !== undefined && this.#firesAt <= this.#deadline) return;
    clearTimeout(this.#timer);
    this.#start(now);
  }

  clear(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** For good: keeps no timer alive. */
  stop(): void {
    this.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(now: number): void {
    this.#firesAt = this.#deadline;
    this.#timer = setTimeout(fire, Math.max(1, Math.ceil(this.#deadline - now)), this);
  }

  /** The real timer has fired. */
  check(): void {
    this.#timer = undefined;
    if (this.#deadline === Number.POSITIVE_INFINITY) return;
    const now = performance.now();
    // Timers run by the clock of the event loop, which is up to a millisecond off.
    if (this.#deadline - now > 1) return this.#start(now);
    this.clear();
    this.#expired();
  }
}

function fire(timer: LazyTimer): void {
  timer.check();
}
