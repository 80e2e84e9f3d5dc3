import { shareElement, shareOf } from '../../shared/component/share.js';
import { forgetOldest } from '../../shared/forget-oldest.js';
import type { Logger } from '../../shared/observability/types.js';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type Domain, type Jid, jid } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Origin } from '../routing/origin.js';
import type { Destination, Router } from '../routing/router.js';
import { ComponentPings } from './component-pings.js';
import type { ComponentStream } from './component-stream.js';
import type { Grants } from './grants.js';
import { type Addressed, HeldStanzas } from './held-stanzas.js';

interface ComponentDomainOptions {
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

/** Wire text that may wait in a component's socket before stanzas are held instead. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;

/** Requests of components whose answers are still awaited, at most; the oldest are forgotten. */
const ASKED = 20_000;

const anywhere = (): undefined => undefined;

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
  /** When a stream last joined others (`performance.now()`). */
  joinedAt = Number.NEGATIVE_INFINITY;
  readonly pings: ComponentPings;
  readonly #options: ComponentDomainOptions;
  #streams: readonly ComponentStream[] = [];
  readonly #held = new HeldStanzas();
  #grace: NodeJS.Timeout | null = null;
  /** Of several streams of a shared domain, the one that waits for an answer. */
  readonly #asked = new Map<string, ComponentStream>();
  #shareSequence = 0;

  constructor(options: ComponentDomainOptions) {
    this.#options = options;
    this.name = options.name;
    this.jid = jid(options.name);
    this.label = options.label;
    this.secret = options.secret;
    this.grants = options.grants;
    this.generation = options.generation;
    this.pings = new ComponentPings({
      server: options.server,
      domain: options.name,
      streams: () => this.#streams,
      roundTrip: (seconds) => options.roundTrip(this, seconds),
    });
  }

  /** Whether several streams at once are allowed. */
  get shared(): boolean {
    return this.#options.conflict === 'share';
  }
  get connected(): boolean {
    return this.#streams.length > 0;
  }
  get streams(): readonly ComponentStream[] {
    return this.#streams;
  }
  get held(): number {
    return this.#held.size;
  }

  deliver(stanza: Stanza, origin: Origin): void {
    const asker = this.#askerOf(stanza);
    if (asker === undefined) this.deliverFor(stanza, origin, this.#ownerOf(stanza));
    else this.#deliver({ stanza, owner: null, place: () => asker, sent: undefined, again: false }, origin);
  }

  /**
   * {@link deliver} for load shared by owner: all of one owner's stanzas take one stream, in order. False: not taken.
   * `place`: the one to take, where there is still work of that owner on it. `sent` hears on which stream it has gone.
   * `again`: it was sent before to a process that is lost, so it comes before what has only waited.
   */
  deliverFor(
    stanza: Stanza,
    origin: Origin,
    owner: string,
    options: { place?: Addressed['place']; sent?: Addressed['sent']; again?: boolean } = {},
  ): boolean {
    const { place = anywhere, sent, again = false } = options;
    return this.#deliver({ stanza, owner, place, sent, again }, origin);
  }

  #deliver(addressed: Addressed, origin: Origin): boolean {
    // before a process that has just come gets what waited for it, nothing passes that
    const stream = this.#held.waitsFor(null) ? undefined : this.#streamOf(addressed);
    if (stream !== undefined && !this.#held.waitsFor(stream) && this.#send(addressed, stream)) return true;
    if (this.connected || this.#grace !== null) {
      if (this.#held.add(addressed, stream ?? null, () => origin.hold())) return true;
    }
    this.#giveUp(addressed.stanza);
    return false;
  }

  /** False where so much waits for that process that this has to wait, too. */
  #send({ stanza, sent }: Addressed, stream: ComponentStream): boolean {
    if (stream.transport.queuedBytes >= STREAM_WINDOW_BYTES) return false;
    this.sent++;
    stream.send(stanza.text);
    sent?.(stream);
    return true;
  }

  /** Whether a newly authenticated stream may join; a first one may have to prove that it lives (setting `CONFLICT`). */
  async admit(): Promise<boolean> {
    const first = this.#streams[0];
    if (first === undefined || this.#options.conflict === 'share') return true;
    if (this.#options.conflict === 'refuse') return false;
    // another newcomer may have taken the place meanwhile
    if ((await this.pings.ping(first)) || (this.connected && this.#streams[0] !== first)) return false;
    this.#options.log.warn(
      { code: 'component.replaced', domain: this.name },
      'a silent component was replaced',
    );
    first.fail('conflict', 'replaced: the connection did not answer');
    return true;
  }

  attach(stream: ComponentStream): void {
    this.#streams = [...this.#streams, stream];
    if (this.#streams.length > 1) this.joinedAt = performance.now();
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
    this.#tellShares();
    this.#options.up(this, stream);
    this.#rearrange();
  }

  detach(stream: ComponentStream, comesBack: boolean): void {
    const place = this.#streams.indexOf(stream);
    this.#streams = this.#streams.filter((other) => other !== stream);
    for (const [key, asker] of this.#asked) if (asker === stream) this.#asked.delete(key);
    // One that said it would go has finished what it had begun.
    this.#tellShares(comesBack && !stream.finishedItsWork ? place : undefined);
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
    if (this.connected || this.#grace !== null) this.#rearrange();
    else this.#expire();
  }

  drained(stream: ComponentStream): void {
    this.#held.release(stream, (addressed) => this.#send(addressed, stream));
  }

  /** Where it goes now: behind what waits of its owner, or where it must, else to whom its owner belongs. */
  #streamOf({ owner, place, stanza }: Addressed): ComponentStream | undefined {
    const stream = this.#held.streamOf(owner) ?? place();
    if (stream !== undefined && this.#streams.includes(stream)) return stream;
    return this.#streamFor(owner ?? this.#ownerOf(stanza));
  }

  /** The stream that serves this owner now. */
  #streamFor(owner: string): ComponentStream | undefined {
    if (this.#streams.length < 2) return this.#streams[0];
    return this.#streams[shareOf(owner, this.#streams.length)];
  }

  /** One of several processes asks somebody something: the answer, which is addressed to their domain, goes to it. */
  asks(stanza: Stanza, stream: ComponentStream): void {
    if (this.#options.conflict !== 'share' || stanza.name !== 'iq') return;
    if (stanza.type !== 'get' && stanza.type !== 'set') return;
    this.#asked.set(`${stanza.id}\0${stanza.toJid?.full ?? stanza.to}`, stream);
    forgetOldest(this.#asked, ASKED);
  }

  #askerOf(stanza: Stanza): ComponentStream | undefined {
    if (this.#asked.size === 0 || stanza.name !== 'iq') return undefined;
    if (stanza.type !== 'result' && stanza.type !== 'error') return undefined;
    const key = `${stanza.id}\0${stanza.fromJid?.full ?? stanza.from}`;
    const asker = this.#asked.get(key);
    this.#asked.delete(key);
    return asker;
  }

  /** Whose a stanza is: of what is addressed to the component itself, its sender's. */
  #ownerOf(stanza: Stanza): string {
    const { toJid, fromJid } = stanza;
    return (toJid && toJid.local !== '' ? toJid : fromJid)?.bare ?? this.name;
  }

  /** Each process hears which part of the owners is its own now, before anything that is routed by that. */
  #tellShares(lost?: number): void {
    if (this.#options.conflict !== 'share') return;
    const of = this.#streams.length;
    for (const [index, stream] of this.#streams.entries()) {
      const message = xml(
        'message',
        { from: this.#options.server, to: this.name, id: `share${++this.#shareSequence}` },
        shareElement(index, of, lost),
      );
      stream.send(Stanza.fromElement(message).text);
    }
  }

  /** Processes came or went: what waits is given to those that it is for now. */
  #rearrange(): void {
    if (this.#held.size === 0) return;
    this.#held.rearrange((addressed) => this.#streamOf(addressed));
    for (const stream of this.#streams) this.drained(stream);
  }

  /** The grace is over (or there is none): requests and messages are answered, the rest is dropped and counted. */
  #expire(): void {
    this.#grace = null;
    this.#held.abandon((stanza) => this.#giveUp(stanza));
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
