import type { HeldRequest } from './held-request.js';
import type { SessionTerms } from './negotiation.js';

/** Whether a client asks too much or too often (XEP-0124 §"Overactivity" and §"Polling Sessions"). */
export class Activity {
  readonly #terms: SessionTerms;
  /** When the last new request came, by the monotonic clock; undefined before the first after the session's creation. */
  #lastAt: number | undefined;
  #lastWasEmpty = false;

  constructor(terms: SessionTerms) {
    this.#terms = terms;
  }

  /**
   * Judges a new request (not a copy). `unanswered` counts it and all others without a response; `lastResponseWasEmpty`
   * says whether the latest response carried nothing.
   */
  isTooMuch(held: HeldRequest, unanswered: number, lastResponseWasEmpty: boolean): boolean {
    const { requests, polling, isPolling } = this.#terms;
    const now = performance.now();
    const tooSoon = this.#lastAt !== undefined && now - this.#lastAt < polling * 1000;
    const lastWasEmpty = this.#lastWasEmpty;
    this.#lastAt = now;
    this.#lastWasEmpty = held.isEmpty;
    if (held.isPauseOrEnd) return false;
    if (unanswered > requests) return true;
    if (!held.isEmpty || !tooSoon) return false;
    return isPolling ? lastWasEmpty && lastResponseWasEmpty : unanswered === requests;
  }
}
