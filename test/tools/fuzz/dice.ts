/** Reproducible choices: everything that a fuzz run does follows from one seed. */
export class Dice {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** From 0 to below 1 (mulberry32: small, seeded, good enough to choose test input). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** One, or nothing. */
  maybe<T>(probability: number, value: T): T | undefined {
    return this.chance(probability) ? value : undefined;
  }

  /** So many results of `make`, at least `least`, at most `most`. */
  several<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }

  /** Mostly small numbers, sometimes large ones: how often something is repeated. */
  size(most: number): number {
    return Math.floor(this.next() ** 4 * most);
  }
}

/** The seed of one case: the same case of the same door in each run with the same seed, whatever ran before it. */
export function caseSeed(runSeed: number, door: string, index: number): number {
  let hash = runSeed >>> 0;
  for (const char of `${door} ${index}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
}
