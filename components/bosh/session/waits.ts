import type { HeldRequest } from './held-request.js';
import { LazyTimer } from './lazy-timer.js';
import type { OpenRequests } from './open-requests.js';

/** Requests that came together wait out together, milliseconds. */
const timerSlack = 2;

/** The client's `wait` (XEP-0124 §"Session Creation Request"): one timer for all open requests of a session. */
export class Waits {
  readonly #open: OpenRequests;
  readonly #milliseconds: number;
  readonly #waited: (held: HeldRequest) => void;
  /** Runs while a request with a `wait` is unanswered. */
  readonly #timer = new LazyTimer(() => this.#someWaited());
  #stopped = false;

  constructor(open: OpenRequests, seconds: number, waited: (held: HeldRequest) => void) {
    this.#open = open;
    // Where nothing is to be held, this is for those whose predecessor is missing.
    this.#milliseconds = Math.max(seconds, 1) * 1000;
    this.#waited = waited;
  }

  start(held: HeldRequest): void {
    held.expiresAt = performance.now() + this.#milliseconds;
    // All wait equally long, so the timer that runs for an earlier one is early enough for this one.
    if (!this.#timer.isSet) this.#timer.set(this.#milliseconds);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.stop();
  }

  #someWaited(): void {
    for (const held of this.#open.expired(performance.now() + timerSlack)) {
      held.expiresAt = Number.POSITIVE_INFINITY;
      this.#waited(held);
    }
    const next = this.#open.nextExpiry;
    if (!this.#stopped && next !== Number.POSITIVE_INFINITY) this.#timer.set(next - performance.now());
  }
}
