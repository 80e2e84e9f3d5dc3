import { createHash } from 'node:crypto';
import type { Logger } from '../../shared/observability/types.js';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type Domain, type Jid, jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Origin } from '../routing/origin.js';
import type { Destination, Router } from '../routing/router.js';
import type { ComponentStream } from './component-stream.js';
import type { Grants } from './grants.js';

export interface ComponentDomainOptions {
  readonly name: Domain;
  /** The component's short name in the settings. */
  readonly label: string;
  readonly secret: string | null;
  readonly grants: Grants;
  readonly conflict: 'refuse' | 'replace' | 'share';
  readonly generation: 1 | 2;
  readonly graceSeconds: number;
  readonly server: string;
  readonly router: Router;
  readonly log: Logger;
  readonly up: (domain: ComponentDomain, stream: ComponentStream) => void;
  /** A stream is lost; others of the domain may be left. */
  readonly streamLost: (domain: ComponentDomain, stream: ComponentStream) => void;
  /** The last stream is lost. */
  readonly down: (domain: ComponentDomain, comesBack: boolean) => void;
  /** A component answered something of ours after so many seconds. */
  readonly roundTrip: (domain: ComponentDomain, seconds: number) => void;
  /** It left, or did not come back in time. */
  readonly gone: (domain: ComponentDomain) => void;
}

const HELD_STANZAS = 5000;
const HELD_BYTES = 8 * 1024 * 1024;
/** Wire text that may wait in a component's socket before stanzas are held instead. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const PING_MILLISECONDS = 5000;

interface Held {
  readonly stanza: Stanza;
  readonly release: () => void;
}

/** One component domain: its streams, and its stanzas while it restarts. */
export class ComponentDomain implements Destination {
  readonly name: Domain;
  readonly jid: Jid;
  readonly label: string;
  readonly secret: string | null;
  readonly grants: Grants;
  readonly generation: 1 | 2;
  /** Routed to it and from it, for metrics and `component list`. */
  sent = 0;
  received = 0;
  dropped = 0;
  since: Date | null = null;
  /** How long its last answer took, and when that was (`performance.now()`). */
  roundTripMilliseconds: number | null = null;
  #measuredAt = Number.NEGATIVE_INFINITY;
  readonly #options: ComponentDomainOptions;
  #streams: readonly ComponentStream[] = [];
  #held: Held[] = [];
  #heldBytes = 0;
  #grace: NodeJS.Timeout | null = null;
  #pings = new Map<string, () => void>();
  #pingSequence = 0;

  constructor(options: ComponentDomainOptions) {
    this.#options = options;
    this.name = options.name;
    this.jid = jid(options.name);
    this.label = options.label;
    this.secret = options.secret;
    this.grants = options.grants;
    this.generation = options.generation;
  }

  get connected(): boolean {
    return this.#streams.length > 0;
  }
  get streams(): readonly ComponentStream[] {
    return this.#streams;
  }
  get held(): number {
    return this.#held.length;
  }

  deliver(stanza: Stanza, origin: Origin): void {
    this.deliverFor(stanza, origin, stanza.toJid?.bare ?? this.name);
  }

  /** {@link deliver} for load shared by owner: all of one owner's stanzas take one stream, in order. False: not taken. */
  deliverFor(stanza: Stanza, origin: Origin, owner: string): boolean {
    const stream = this.streamFor(owner);
    if (
      stream !== undefined &&
      this.#held.length === 0 &&
      stream.transport.queuedBytes < STREAM_WINDOW_BYTES
    ) {
      this.sent++;
      stream.send(stanza.text);
      return true;
    }
    if ((stream !== undefined || this.#grace !== null) && this.#hold(stanza, origin)) return true;
    this.#giveUp(stanza);
    return false;
  }

  /** Whether a newly authenticated stream may join; a first one may have to prove that it lives (setting `CONFLICT`). */
  async admit(_stream: ComponentStream): Promise<boolean> {
    const first = this.#streams[0];
    if (first === undefined || this.#options.conflict === 'share') return true;
    if (this.#options.conflict === 'refuse') return false;
    // another newcomer may have taken the place meanwhile
    if ((await this.#ping(first)) || (this.connected && this.#streams[0] !== first)) return false;
    this.#options.log.warn(
      { code: 'component.replaced', domain: this.name },
      'a silent component was replaced',
    );
    first.fail('conflict', 'replaced: the connection did not answer');
    return true;
  }

  attach(stream: ComponentStream): void {
    this.#streams = [...this.#streams, stream];
    this.since ??= new Date();
    this.#options.log.info(
      {
        code: 'component.up',
        domain: this.name,
        address: stream.transport.remoteAddress,
        streams: this.#streams.length,
        delegations: this.grants.delegations.map((grant) => grant.namespace),
      },
      'component connected',
    );
    if (this.#grace !== null) clearTimeout(this.#grace);
    this.#grace = null;
    this.#options.up(this, stream);
    this.#releaseHeld();
  }

  detach(stream: ComponentStream, comesBack: boolean): void {
    this.#streams = this.#streams.filter((other) => other !== stream);
    this.#options.log.info(
      { code: 'component.down', domain: this.name, comesBack },
      'component disconnected',
    );
    if (!this.connected) {
      this.since = null;
      if (comesBack && this.#options.graceSeconds > 0) {
        this.#grace = setTimeout(() => this.#expire(), this.#options.graceSeconds * 1000);
        this.#grace.unref();
      }
      this.#options.down(this, comesBack);
    }
    this.#options.streamLost(this, stream);
    if (!this.connected && this.#grace === null) this.#expire();
  }

  drained(_stream: ComponentStream): void {
    if (this.connected) this.#releaseHeld();
  }

  /** It answered a request of ours after so many milliseconds. */
  answered(milliseconds: number): void {
    this.roundTripMilliseconds = milliseconds;
    this.#measuredAt = performance.now();
    this.#options.roundTrip(this, milliseconds / 1000);
  }

  /** Asks for a sign of life where the last is older than `milliseconds`. */
  measure(milliseconds: number): void {
    const [stream] = this.#streams;
    if (stream === undefined) this.roundTripMilliseconds = null;
    else if (performance.now() - this.#measuredAt > milliseconds) {
      this.#measuredAt = performance.now();
      void this.#ping(stream);
    }
  }

  /** An answer to our own ping. True when it was one. */
  settlePing(stanza: Stanza): boolean {
    const done = stanza.id === undefined ? undefined : this.#pings.get(stanza.id);
    if (done === undefined) return false;
    done();
    return true;
  }

  /** Sends a ping whose answer only shows that somebody is there. */
  keepalive(): void {
    for (const stream of this.#streams)
      void this.#ping(stream).then((alive) => alive || stream.transport.destroy());
  }

  async #ping(stream: ComponentStream): Promise<boolean> {
    this.#pingSequence++;
    const id = `entourage-ping-${this.#pingSequence}-${stream.id.slice(0, 8)}`;
    const answered = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), PING_MILLISECONDS);
      this.#pings.set(id, () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    stream.send(
      Stanza.fromElement(
        xml(
          'iq',
          { type: 'get', id, from: this.#options.server, to: this.name },
          xml('ping', { xmlns: NS.ping }),
        ),
      ).text,
    );
    const asked = performance.now();
    const alive = await answered;
    this.#pings.delete(id);
    if (alive) this.answered(performance.now() - asked);
    return alive;
  }

  /** The stream that serves this owner now. */
  streamFor(owner: string): ComponentStream | undefined {
    if (this.#streams.length < 2) return this.#streams[0];
    const digest = createHash('md5').update(owner).digest();
    return this.#streams[digest.readUInt32BE(0) % this.#streams.length];
  }

  #hold(stanza: Stanza, origin: Origin): boolean {
    const bytes = stanza.source.length;
    if (this.#held.length >= HELD_STANZAS || this.#heldBytes + bytes > HELD_BYTES) return false;
    this.#held.push({ stanza, release: origin.hold() });
    this.#heldBytes += bytes;
    return true;
  }

  #releaseHeld(): void {
    while (this.#held.length > 0) {
      const next = this.#held[0];
      if (next === undefined) return;
      const stream = this.streamFor(next.stanza.toJid?.bare ?? this.name);
      if (stream === undefined || stream.transport.queuedBytes >= STREAM_WINDOW_BYTES) return;
      this.#held.shift();
      this.#heldBytes -= next.stanza.source.length;
      this.sent++;
      stream.send(next.stanza.text);
      next.release();
    }
  }

  /** The grace is over (or there is none): requests and messages are answered, the rest is dropped and counted. */
  #expire(): void {
    this.#grace = null;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { stanza, release } of held) {
      this.#giveUp(stanza);
      release();
    }
    this.#options.gone(this);
  }

  #giveUp(stanza: Stanza): void {
    const answerable =
      (stanza.name === 'iq' && (stanza.type === 'get' || stanza.type === 'set')) ||
      (stanza.name === 'message' && stanza.type !== 'error');
    if (answerable) this.#options.router.bounce(stanza, new StanzaError('service-unavailable'));
    else this.dropped++;
  }

  /** Sends one of our own stanzas to every stream (advertisements). */
  announce(stanza: Stanza): void {
    for (const stream of this.#streams) stream.send(stanza.text);
  }
}
