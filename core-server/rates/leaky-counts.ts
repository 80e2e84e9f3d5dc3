import { forgetOldest } from '../../shared/forget-oldest.js';

/** So many keys are remembered; then the ones that were counted longest ago go first. */
const KEPT = 100_000;

interface Count {
  level: number;
  at: number;
}

/** Counts by key that drain evenly: `limit` of them within `milliseconds`. */
export class LeakyCounts {
  readonly #limit: number;
  readonly #milliseconds: number;
  readonly #counts = new Map<string, Count>();

  /** A limit of 0 counts nothing. */
  constructor(limit: number, milliseconds: number) {
    this.#limit = limit;
    this.#milliseconds = milliseconds;
  }

  get size(): number {
    return this.#counts.size;
  }

  /** Whether one more would be too many. */
  isFull(key: string, now = performance.now()): boolean {
    return this.#limit > 0 && this.#levelOf(key, now) > this.#limit - 1;
  }

  /** Counts one more. True when that was the last one. */
  add(key: string, now = performance.now()): boolean {
    if (this.#limit === 0) return false;
    const level = Math.min(this.#limit, this.#levelOf(key, now) + 1);
    this.#counts.delete(key);
    this.#counts.set(key, { level, at: now });
    forgetOldest(this.#counts, KEPT);
    return level > this.#limit - 1;
  }

  #levelOf(key: string, now: number): number {
    const count = this.#counts.get(key);
    if (count === undefined) return 0;
    const level = count.level - ((now - count.at) / this.#milliseconds) * this.#limit;
    if (level > 0) return level;
    this.#counts.delete(key);
    return 0;
  }
}
