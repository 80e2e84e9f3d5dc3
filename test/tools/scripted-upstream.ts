import type {
  ClientEnd,
  ClientHeader,
  ClientOrigin,
  ServerHeader,
  Upstream,
  UpstreamEnd,
  UpstreamEvents,
  UpstreamStream,
} from '../../components/bosh/upstreams/upstream.js';

export const features =
  "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>" +
  "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";

/** One stream of the scripted upstream: what the test lets the server do, and what the client did. */
export class ScriptedStream implements UpstreamStream {
  readonly header: ClientHeader;
  readonly origin: ClientOrigin;
  readonly #events: UpstreamEvents;
  /** Elements from the client, in order; `restart` for a restart. */
  readonly sent: string[] = [];
  readonly restarts: ClientHeader[] = [];
  takenBytes = 0;
  acknowledgedCount = 0;
  closedBy: ClientEnd | undefined;
  /** What `send` answers. */
  accepts = true;
  readonly #waiting: { until: () => boolean; resolve: () => void }[] = [];

  constructor(header: ClientHeader, origin: ClientOrigin, events: UpstreamEvents) {
    this.header = header;
    this.origin = origin;
    this.#events = events;
  }

  opened(header: Partial<ServerHeader> = {}): void {
    this.#events.opened({ id: 's1', from: this.header.to, version: '1.0', lang: 'en', ...header });
  }

  /** The server sends one element. */
  say(text: string): void {
    const kind = text.startsWith('<stream:features')
      ? 'features'
      : text.startsWith('<stream:error')
        ? 'error'
        : 'other';
    this.#events.element({ kind, text, bytes: Buffer.byteLength(text) });
  }

  end(end?: UpstreamEnd): void {
    this.#events.ended(end);
  }

  resume(): void {
    this.accepts = true;
    this.#events.writable();
  }

  /** Resolves when what the client did makes this true; rejects after 5 s. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the client did not do it')), 5_000);
      this.#waiting.push({
        until: condition,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  #changed(): void {
    for (const one of this.#waiting.splice(0)) {
      if (one.until()) one.resolve();
      else this.#waiting.push(one);
    }
  }

  send(text: string): boolean {
    this.sent.push(text);
    this.#changed();
    return this.accepts;
  }

  restart(header: ClientHeader): void {
    this.restarts.push(header);
    this.sent.push('restart');
    this.#changed();
  }

  taken(bytes: number): void {
    this.takenBytes += bytes;
    this.#changed();
  }

  acknowledged(count: number): void {
    this.acknowledgedCount = count;
    this.#changed();
  }

  close(end: ClientEnd): void {
    this.closedBy ??= end;
    this.#changed();
  }
}

/** An upstream whose server is the test itself. */
export class ScriptedUpstream implements Upstream {
  readonly name = 'scripted';
  ready = true;
  limits = { stanzaBytes: 262_144, depth: 128, attributes: 64 };
  domains: readonly string[] = ['example.com'];
  readonly streams: ScriptedStream[] = [];
  /** Whether streams are answered with a header and features by themselves. */
  automatic = true;

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  serves(domain: string): boolean {
    return this.domains.includes(domain);
  }

  open(header: ClientHeader, origin: ClientOrigin, events: UpstreamEvents): UpstreamStream {
    const stream = new ScriptedStream(header, origin, events);
    this.streams.push(stream);
    if (this.automatic) {
      setImmediate(() => {
        stream.opened();
        stream.say(features);
      });
    }
    return stream;
  }

  get last(): ScriptedStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no stream was opened');
    return stream;
  }
}
