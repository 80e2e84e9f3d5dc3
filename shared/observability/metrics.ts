import * as prometheus from 'prom-client';
import type { Counter, Gauge, Histogram, Labels, Metrics } from './types.js';

/** One declared metric, for the generated list. */
interface MetricDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** Metrics of a process, with what only its own main program needs. */
export interface ProcessMetrics extends Metrics {
  /** Adds prom-client's own: CPU, memory, event loop lag, garbage collection. Costs a timer; for when it is scraped. */
  collectProcess(): void;
  descriptions(): MetricDescription[];
  readonly contentType: string;
}

const PREFIX = 'xmpp_';

/** Makes the metrics of one process. Declaring a name twice gives the same metric. */
export function createMetrics(options: { process: string }): ProcessMetrics {
  return new RegistryMetrics(options.process);
}

class RegistryMetrics implements ProcessMetrics {
  private readonly registry = new prometheus.Registry();
  private readonly made = new Map<string, { description: MetricDescription; metric: unknown }>();

  constructor(process: string) {
    this.registry.setDefaultLabels({ process });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return this.once({ name, type: 'counter', help, labelNames }, (fullName) => {
      const counts = new Accumulator(labelNames);
      const metric = new prometheus.Counter({
        name: fullName,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
        collect() {
          counts.flush((labels, amount) => metric.inc(labels, amount));
        },
      });
      return { inc: (amount = 1, labels) => counts.add(amount, labels) };
    });
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return this.once({ name, type: 'gauge', help, labelNames }, (fullName) => {
      const metric = new prometheus.Gauge({
        name: fullName,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
      });
      return {
        set: (value, labels) => metric.set(labels ?? {}, value),
        inc: (amount = 1, labels) => metric.inc(labels ?? {}, amount),
        dec: (amount = 1, labels) => metric.dec(labels ?? {}, amount),
      };
    });
  }

  observedGauge(name: string, help: string, read: () => number): void {
    this.once({ name, type: 'gauge', help, labelNames: [] }, (fullName) => {
      const metric: prometheus.Gauge = new prometheus.Gauge({
        name: fullName,
        help,
        registers: [this.registry],
        collect() {
          metric.set(read());
        },
      });
      return metric;
    });
  }

  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly string[] = [],
  ): Histogram {
    return this.once({ name, type: 'histogram', help, labelNames }, (fullName) => {
      const metric = new prometheus.Histogram({
        name: fullName,
        help,
        buckets: [...buckets],
        labelNames: [...labelNames],
        registers: [this.registry],
      });
      return { observe: (value, labels) => metric.observe(labels ?? {}, value) };
    });
  }

  collectProcess(): void {
    prometheus.collectDefaultMetrics({ register: this.registry });
  }

  expose(): Promise<string> {
    return this.registry.metrics();
  }

  descriptions(): MetricDescription[] {
    return [...this.made.values()].map(({ description }) => description);
  }

  private once<T>(description: MetricDescription, make: (fullName: string) => T): T {
    const fullName = PREFIX + description.name.replace(/^xmpp_/, '');
    const existing = this.made.get(fullName);
    if (existing !== undefined) {
      if (existing.description.type !== description.type) {
        throw new TypeError(
          `metric ${fullName} is declared as ${existing.description.type} and ${description.type}`,
        );
      }
      return existing.metric as T;
    }
    const metric = make(fullName);
    this.made.set(fullName, { description: { ...description, name: fullName }, metric });
    return metric;
  }
}

/** Counts between two scrapes: adding is a sum or one map access, while prom-client hashes the labels each time. */
class Accumulator {
  private readonly labelNames: readonly string[];
  private unlabelled = 0;
  private readonly labelled = new Map<string, { labels: Labels; amount: number }>();

  constructor(labelNames: readonly string[]) {
    this.labelNames = labelNames;
  }

  add(amount: number, labels: Labels | undefined): void {
    if (labels === undefined) {
      this.unlabelled += amount;
      return;
    }
    let key = '';
    for (const name of this.labelNames) key += `${labels[name] ?? ''}\u0000`;
    const entry = this.labelled.get(key);
    if (entry === undefined) this.labelled.set(key, { labels: { ...labels }, amount });
    else entry.amount += amount;
  }

  flush(to: (labels: Labels, amount: number) => void): void {
    if (this.labelNames.length === 0 || this.unlabelled > 0) to({}, this.unlabelled);
    this.unlabelled = 0;
    for (const { labels, amount } of this.labelled.values()) to(labels, amount);
    this.labelled.clear();
  }
}
