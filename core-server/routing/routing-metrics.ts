import type { Counter, Histogram, Metrics } from '../../shared/observability/types.js';

/** Of so many routed stanzas one is timed: a clock read costs as much as the routing itself. */
const TIMED_ONE_OF = 32;
const BUCKETS = [0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];

/** What passes the router: counted by kind, timed by sample. */
export class RoutingMetrics {
  /** All that was routed since the start, for whoever wants a rate. */
  routed = 0;
  readonly #messages: Counter;
  readonly #presences: Counter;
  readonly #iqs: Counter;
  readonly #seconds: Histogram;

  constructor(metrics: Metrics) {
    this.#messages = metrics.counter('messages_total', 'Message stanzas routed');
    this.#presences = metrics.counter('presences_total', 'Presence stanzas routed');
    this.#iqs = metrics.counter('iqs_total', 'IQ stanzas routed');
    this.#seconds = metrics.histogram(
      'routing_seconds',
      'Time to route one stanza to its destination, of every 32nd stanza',
      BUCKETS,
    );
  }

  /** Counts a stanza; returns a function to call when it is routed, where this one is to be timed. */
  begin(name: string): (() => void) | null {
    if (name === 'message') this.#messages.inc();
    else if (name === 'presence') this.#presences.inc();
    else this.#iqs.inc();
    this.routed++;
    if (this.routed % TIMED_ONE_OF !== 0) return null;
    const begin = performance.now();
    return () => this.#seconds.observe((performance.now() - begin) / 1000);
  }
}
