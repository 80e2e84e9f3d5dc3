/** The part of pino's logger that we use. The first argument always carries a stable `code`. */
export interface Logger {
  trace(fields: LogFields, message?: string): void;
  debug(fields: LogFields, message?: string): void;
  info(fields: LogFields, message?: string): void;
  warn(fields: LogFields, message?: string): void;
  error(fields: LogFields, message?: string): void;
  child(bindings: Record<string, unknown>): Logger;
  isLevelEnabled(level: string): boolean;
}

/** `code` is what operators grep for: `area.event`, never changed once released (`c2s.login-failed`). */
export interface LogFields {
  readonly code: string;
  readonly [field: string]: unknown;
}

/** Prometheus metrics of one process; names get the prefix `xmpp_`. Each is declared once, with its help text. */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  /** A gauge that is read when it is scraped: costs nothing on the hot path. */
  observedGauge(name: string, help: string, read: () => number): void;
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly string[],
  ): Histogram;
  /** The text exposition of everything. */
  expose(): Promise<string>;
}

export type Labels = Readonly<Record<string, string>>;
export interface Counter {
  inc(amount?: number, labels?: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
  inc(amount?: number, labels?: Labels): void;
  dec(amount?: number, labels?: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}
