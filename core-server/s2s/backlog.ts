import type { Stanza } from '../../shared/xml/stanza.js';

/** A stanza on its way to another server; `release` lets its sender's acknowledgement pass. */
export interface Outbound {
  readonly stanza: Stanza;
  readonly release: () => void;
  /** When it came, in `performance.now()` milliseconds. */
  readonly since: number;
}

/** What may wait for another server. */
export interface BacklogLimits {
  readonly stanzas: number;
  /** Characters of wire text. */
  readonly size: number;
  readonly milliseconds: number;
}

/** What waits for all other servers together: senders to many dead domains must not fill the memory. */
export class SharedBudget {
  readonly limit: number;
  used = 0;
  constructor(limit: number) {
    this.limit = limit;
  }
}

/** The stanzas of one domain pair that wait for their stream, in order; bounded in count, size and time. */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #budget: SharedBudget;
  #waiting: Outbound[] = [];
  #size = 0;

  constructor(limits: BacklogLimits, budget: SharedBudget) {
    this.#limits = limits;
    this.#budget = budget;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** False when a bound is reached; then the stanza was not taken. */
  push(outbound: Outbound): boolean {
    const size = outbound.stanza.source.length;
    if (this.#waiting.length >= this.#limits.stanzas) return false;
    if (this.#size + size > this.#limits.size || this.#budget.used + size > this.#budget.limit) return false;
    // a stanza just received keeps its whole chunk of input alive
    const kept = { ...outbound, stanza: outbound.stanza.detached() };
    this.#waiting.push(kept);
    this.#remember(kept);
    return true;
  }

  /** Takes the oldest. */
  shift(): Outbound | undefined {
    const first = this.#waiting.shift();
    if (first !== undefined) this.#forget(first);
    return first;
  }

  /** Puts back in front, without a bound, what a lost stream has not given to the kernel. */
  unshift(outbounds: readonly Outbound[]): void {
    for (const one of outbounds) this.#remember(one);
    this.#waiting = [...outbounds, ...this.#waiting];
  }

  takeAll(): Outbound[] {
    const all = this.#waiting;
    this.#waiting = [];
    for (const one of all) this.#forget(one);
    return all;
  }

  /** Takes what has waited too long. */
  takeExpired(now: number): Outbound[] {
    const expired: Outbound[] = [];
    for (;;) {
      const first = this.#waiting[0];
      if (first === undefined || now - first.since <= this.#limits.milliseconds) return expired;
      expired.push(first);
      this.shift();
    }
  }

  #remember({ stanza }: Outbound): void {
    this.#size += stanza.source.length;
    this.#budget.used += stanza.source.length;
  }

  #forget({ stanza }: Outbound): void {
    this.#size -= stanza.source.length;
    this.#budget.used -= stanza.source.length;
  }
}
