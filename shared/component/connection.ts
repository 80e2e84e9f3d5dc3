import type { Logger } from '../observability/types.js';
import type { Stanza } from '../xml/stanza.js';
import { Backoff, type BackoffPolicy, BROKEN, LOST, REFUSED } from './backoff.js';
import { ComponentStream, type StreamEnd, type StreamOptions } from './stream.js';

interface ConnectionEvents {
  up(stream: ComponentStream): void;
  stanza(stanza: Stanza): void;
  heard(): void;
  down(end: StreamEnd): void;
  /** The server refuses our secret: nothing more is tried. */
  refused(end: StreamEnd): void;
}

export interface ConnectionTiming {
  readonly lost: BackoffPolicy;
  readonly broken: BackoffPolicy;
  readonly refused: BackoffPolicy;
  /** A stream that lived this long makes the next failure count as the first. */
  readonly stableMilliseconds: number;
}

export const CONNECTION_TIMING: ConnectionTiming = {
  lost: LOST,
  broken: BROKEN,
  refused: REFUSED,
  stableMilliseconds: 30_000,
};

/** Stream errors that pass by themselves; every other one needs somebody to change something (RFC 6120 §4.9.3). */
const PASSING: ReadonlySet<string> = new Set([
  'connection-timeout',
  'internal-server-error',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'system-shutdown',
]);

/** Keeps one stream open: makes it, and makes it again with back-off when it is lost. */
export class Connection {
  private options: StreamOptions;
  private readonly timing: ConnectionTiming;
  private readonly log: Logger;
  private readonly events: ConnectionEvents;
  private readonly backoff: Backoff;
  private current: ComponentStream | null = null;
  private opening: ComponentStream | null = null;
  private timer: NodeJS.Timeout | null = null;
  private upSince = 0;
  private stopped = false;
  private gaveUp = false;
  /** Why the last stream ended or could not be opened. */
  lastEnd: StreamEnd | null = null;

  constructor(
    options: StreamOptions,
    events: ConnectionEvents,
    log: Logger,
    timing: ConnectionTiming = CONNECTION_TIMING,
    random?: () => number,
  ) {
    this.options = options;
    this.events = events;
    this.log = log;
    this.timing = timing;
    this.backoff = new Backoff(random);
  }

  /** The stream that is up. */
  get stream(): ComponentStream | null {
    return this.current;
  }

  start(): void {
    if (this.stopped || this.gaveUp || this.opening !== null || this.current !== null) return;
    this.timer = null;
    this.opening = new ComponentStream(this.options, {
      opened: (stream) => this.opened(stream),
      stanza: (stanza) => this.events.stanza(stanza),
      heard: () => this.events.heard(),
      ended: (end) => this.ended(end),
    });
  }

  /** The next stream is made with these; one that was given up for a refused secret is tried again. */
  renew(change: Pick<StreamOptions, 'secret' | 'tls'>): void {
    this.options = { ...this.options, ...change };
    if (!this.gaveUp) return;
    this.gaveUp = false;
    this.backoff.reset();
    this.start();
  }

  /** Ends the stream as told and tries no more. */
  async stop(how: 'reset' | 'plain', waitMilliseconds: number): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.opening?.abandon({ kind: 'local' });
    await this.current?.close(how, waitMilliseconds);
  }

  private opened(stream: ComponentStream): void {
    this.opening = null;
    this.current = stream;
    this.upSince = performance.now();
    this.log.info(
      {
        code: 'component.connected',
        host: this.options.host,
        port: this.options.port,
        tls: this.options.tls !== null,
      },
      'the server accepts the component',
    );
    this.events.up(stream);
  }

  private ended(end: StreamEnd): void {
    const wasUp = this.current !== null;
    this.current = null;
    this.opening = null;
    this.lastEnd = end;
    if (wasUp) {
      if (performance.now() - this.upSince >= this.timing.stableMilliseconds) this.backoff.reset();
      this.events.down(end);
    }
    if (this.stopped) return;
    const fields = { host: this.options.host, port: this.options.port, ...end };
    if (!wasUp && end.kind === 'refused' && end.condition === 'not-authorized') {
      // Trying again cannot help, and looks like an attack.
      this.log.error(
        { code: 'component.not-authorized', ...fields },
        'the server refuses the secret of this component: it is not tried again',
      );
      this.gaveUp = true;
      this.events.refused(end);
      return;
    }
    const delay = this.backoff.next(this.policyFor(end, wasUp));
    const code = wasUp ? 'component.lost' : 'component.connect-failed';
    const why = wasUp ? undefined : this.hint(end);
    this.log.warn(
      { code, ...fields, retryInMilliseconds: delay },
      wasUp
        ? 'the stream to the server is lost'
        : `cannot connect to the server${why === undefined ? '' : `: ${why}`}`,
    );
    this.timer = setTimeout(() => this.start(), delay);
  }

  /** What an operator would have to look at, where that can be told. */
  private hint({ kind, condition }: StreamEnd): string | undefined {
    const { domain, port, tls } = this.options;
    if (condition === 'host-unknown') return `it expects no component ${domain}`;
    if (condition === 'conflict') return `another component ${domain} is connected`;
    if (tls === null && kind === 'lost' && condition === undefined)
      return `it hung up at once; if port ${port} is one for TLS, CORE_TLS=true is missing`;
    if (condition === 'ERR_SSL_WRONG_VERSION_NUMBER') return `port ${port} is not one for TLS (CORE_TLS)`;
    if (isCertificateError(condition)) return 'its certificate is not accepted (CORE_CA, CORE_TLS_NAME)';
    return undefined;
  }

  private policyFor(end: StreamEnd, wasUp: boolean): BackoffPolicy {
    if (end.kind === 'refused' && !PASSING.has(end.condition ?? '')) return this.timing.refused;
    if (end.kind === 'lost' && isCertificateError(end.condition)) return this.timing.refused;
    return wasUp ? this.timing.broken : this.timing.lost;
  }
}

/** Node's and OpenSSL's codes for a certificate that is not accepted. */
function isCertificateError(code: string | undefined): boolean {
  return code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS_|ERR_SSL_/.test(code);
}
