/** How long to wait between tries, in milliseconds. */
export interface BackoffPolicy {
  readonly first: number;
  readonly most: number;
}

/** A server that is down or restarting: soon, then less and less often. */
export const LOST: BackoffPolicy = { first: 500, most: 30_000 };
/** A server that had accepted us: what it holds for a component that is away waits five seconds where nobody says otherwise. */
export const BROKEN: BackoffPolicy = { first: 500, most: 4_000 };
/** A server that says no, for a reason that only its operator can change (`host-unknown`, `conflict`, …). */
export const REFUSED: BackoffPolicy = { first: 15_000, most: 300_000 };

/**
 * Exponential back-off with jitter: each delay is between half and all of a step that doubles, so that many components
 * that lost one server together do not come back together.
 */
export class Backoff {
  private readonly random: () => number;
  private failures = 0;
  private policy: BackoffPolicy | null = null;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /** The delay before the next try, in milliseconds. Changing the policy begins anew. */
  next(policy: BackoffPolicy): number {
    if (this.policy !== policy) {
      this.policy = policy;
      this.failures = 0;
    }
    const step = Math.min(policy.most, policy.first * 2 ** Math.min(this.failures, 30));
    this.failures += 1;
    return Math.round(step * (0.5 + this.random() / 2));
  }

  /** After a success: the next failure waits little again. */
  reset(): void {
    this.policy = null;
  }
}
