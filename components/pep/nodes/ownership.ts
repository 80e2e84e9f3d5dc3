import { Share } from '../../../shared/component/share.js';

/**
 * How long after owners have moved between processes something of them may still be under way at the one that had them:
 * longer than the server waits for an answer (30 s), and than it leaves unfinished work where it is (10 s).
 */
export const MOVING_MILLISECONDS = 45_000;

/** Which accounts this process serves, and whether it may rely on what it remembers of them. */
export class Ownership {
  #share: Share = Share.sole;
  #changed = Number.NEGATIVE_INFINITY;
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The server has said what is ours now. */
  become(share: Share): void {
    this.#share = share;
    this.#changed = this.#now();
  }

  get share(): Share {
    return this.#share;
  }
  /** Others may write to the same store. */
  get shared(): boolean {
    return this.#share.possible;
  }
  /** Others may not yet have finished with what is ours now. */
  get moving(): boolean {
    return this.shared && this.#now() - this.#changed < MOVING_MILLISECONDS;
  }
  mine(owner: string): boolean {
    return this.#share.mine(owner);
  }
  /** Whether what was read of an owner stays right until we change it ourselves. */
  keeps(owner: string): boolean {
    return !this.shared || (this.mine(owner) && !this.moving);
  }
}
