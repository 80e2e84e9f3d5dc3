/** Lines of one code in a second. Who can make us log a thousand of them can fill a disk. */
const LINES_PER_SECOND = 100;
/** What operators and their tools read line by line, and what costs its causer more than us. */
const NEVER_LEFT_OUT: ReadonlySet<string> = new Set([
  'c2s.login-failed',
  'c2s.authenticated',
  'account.registered',
  'account.password-changed',
]);

interface Pace {
  second: number;
  count: number;
}

/** Leaves out lines of a code that comes too often, and says how many. */
export class LogPace {
  readonly #paces = new Map<string, Pace>();
  readonly #leftOut: (what: string, count: number) => void;
  readonly #now: () => number;

  constructor(leftOut: (what: string, count: number) => void, now: () => number = () => performance.now()) {
    this.#leftOut = leftOut;
    this.#now = now;
  }

  /** Whether one more line of this code may be written now. */
  allows(code: string): boolean {
    const second = Math.floor(this.#now() / 1000);
    const pace = this.#paces.get(code);
    if (pace === undefined || pace.second !== second) {
      this.#paces.set(code, { second, count: 1 });
      return true;
    }
    pace.count++;
    if (pace.count <= LINES_PER_SECOND || NEVER_LEFT_OUT.has(code)) return true;
    if (pace.count === LINES_PER_SECOND + 1) {
      setTimeout(() => this.#leftOut(code, pace.count - LINES_PER_SECOND), 1000).unref();
    }
    return false;
  }
}
