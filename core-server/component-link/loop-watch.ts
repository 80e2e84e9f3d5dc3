import type { Logger } from '../../shared/observability/types.js';

const LOOK_MILLISECONDS = 10_000;
/** Stanzas a second, in both directions, that no two services have to say to each other. */
const SUSPICIOUS = 1000;
/** The same pair is named once in this time. */
const SAY_MILLISECONDS = 600_000;

/**
 * Two components that answer everything answer each other for ever, and XMPP counts no hops. The core cannot know what
 * they mean by it; it tells the operator, who can.
 */
export class LoopWatch {
  readonly #counts = new Map<string, number>();
  readonly #said = new Map<string, number>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A component sends to a component. */
  passed(from: string, to: string): void {
    const way = `${from} ${to}`;
    this.#counts.set(way, (this.#counts.get(way) ?? 0) + 1);
  }

  /** Looks every few seconds; returns how to stop. */
  start(): () => void {
    const timer = setInterval(() => this.look(performance.now()), LOOK_MILLISECONDS);
    timer.unref();
    return () => clearInterval(timer);
  }

  look(now: number): void {
    const most = SUSPICIOUS * (LOOK_MILLISECONDS / 1000);
    for (const [way, count] of this.#counts) {
      const [one = '', other = ''] = way.split(' ');
      if (one > other || count < most || (this.#counts.get(`${other} ${one}`) ?? 0) < most) continue;
      if (now - (this.#said.get(way) ?? Number.NEGATIVE_INFINITY) < SAY_MILLISECONDS) continue;
      this.#said.set(way, now);
      this.#log.warn(
        { code: 'component.loop', one, other, perSecond: Math.round(count / (LOOK_MILLISECONDS / 1000)) },
        'two components send each other very much: do they answer each other’s answers?',
      );
    }
    this.#counts.clear();
  }
}
