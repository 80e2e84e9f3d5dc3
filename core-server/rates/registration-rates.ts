import { forgetOldest } from '../../shared/forget-oldest.js';
import { isLoopback } from '../../shared/net/loopback.js';
import { networkOf } from '../../shared/net/network.js';

const HOUR_MILLISECONDS = 3_600_000;
/** Networks whose tries are known, at most. */
const KNOWN = 100_000;

/** Accounts registered lately from each address. */
export class RegistrationRates {
  readonly #limit: number;
  #counts = new Map<string, number>();
  #since = performance.now();

  /** `limit`: how many an hour; 0: any number. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether one more account may be registered from there now; counts the try. */
  allow(address: string): boolean {
    // the machine's own scripts and tests are not strangers
    if (this.#limit === 0 || isLoopback(address)) return true;
    if (performance.now() - this.#since > HOUR_MILLISECONDS) {
      this.#counts = new Map();
      this.#since = performance.now();
    }
    const network = networkOf(address);
    const count = (this.#counts.get(network) ?? 0) + 1;
    this.#counts.set(network, count);
    forgetOldest(this.#counts, KNOWN);
    return count <= this.#limit;
  }
}
