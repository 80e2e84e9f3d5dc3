import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { networkOf } from '../../shared/net/network.js';
import type { Counter, Logger } from '../../shared/observability/types.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Peer } from '../core.js';
import { type Origin, serverOrigin } from '../routing/origin.js';
import type { Destination, Router } from '../routing/router.js';
import { countDown, type Door } from '../streams/door.js';
import type { SocketTransport } from '../streams/socket-transport.js';
import type { SocketTransportOptions } from '../streams/socket-transport-options.js';
import type { StreamLimits } from '../streams/transport.js';
import { type BacklogLimits, type Outbound, SharedBudget } from './backlog.js';
import { withCanonicalAddresses } from './canonical.js';
import type { FederationContext, KeyToVerify } from './context.js';
import type { DialbackKeys } from './dialback-key.js';
import { Dialer } from './dialer.js';
import { DomainPair, type DomainPairOwner } from './domain-pair.js';
import { FederationFailure, failureOf } from './failure.js';
import { IncomingStream } from './incoming-stream.js';
import type { OutgoingStream } from './outgoing-stream.js';
import type { FederationPolicy } from './policy.js';
import type { ServerStream } from './server-stream.js';
import type { TargetResolver } from './targets.js';
import type { FederationTls } from './tls.js';
import type { TrustAnchors } from './trust-anchors.js';

interface FederationOptions {
  readonly router: Router;
  readonly log: Logger;
  readonly policy: FederationPolicy;
  readonly keys: DialbackKeys;
  readonly resolver: TargetResolver;
  readonly tls: FederationTls;
  readonly limits: BacklogLimits;
  readonly transport: Omit<SocketTransportOptions, 'upgrade'>;
  readonly stanzaLimits: StreamLimits;
  readonly connectMilliseconds: number;
  /** Connections of other servers from one address. */
  readonly perAddress: number;
  /** Those that have not proved a domain yet. */
  readonly door: Door;
  readonly sent: Counter;
  readonly received: Counter;
  readonly failures: Counter;
  /** The last inbound stream of a domain broke: what is known of its users' presence is stale. */
  readonly remoteLost: (domain: string) => void;
}

/** What may wait for all other servers together, in characters of wire text. */
const WAITING_SIZE = 64 * 1024 * 1024;
/** Streams that are being opened at a time; more domains wait for their turn in their backlogs' time. */
const OPENING = 500;
/** Of those, streams that only ask about the keys of strangers: in all, and for strangers at one address. */
const VERIFYING = 250;
const VERIFYING_PER_ADDRESS = 50;

/** Federation: finds for each stanza the stream of its domain pair, and knows all streams of other servers. */
export class Federation implements Destination, DomainPairOwner, FederationContext {
  readonly log: Logger;
  readonly policy: FederationPolicy;
  readonly keys: DialbackKeys;
  readonly limits: BacklogLimits;
  readonly stanzaLimits: StreamLimits;
  readonly anchors: TrustAnchors;
  readonly budget = new SharedBudget(WAITING_SIZE);
  readonly incoming = new Set<IncomingStream>();
  readonly outgoing = new Set<OutgoingStream>();
  /** Our domain → their domain. */
  readonly pairs = new Map<string, Map<string, DomainPair>>();
  readonly #opening = new Map<string, { remote: string; stream: Promise<OutgoingStream> }>();
  /** Connections of other servers by network, and how each stream leaves the strangers at the door. */
  readonly #perNetwork = new Map<string, number>();
  readonly #strangers = new Map<ServerStream, () => void>();
  /** Keys being verified, by the network of who showed them; all of them under ''. */
  readonly #verifying = new Map<string, number>();
  readonly #options: FederationOptions;
  readonly #dialer: Dialer;
  stopping = false;

  constructor(options: FederationOptions) {
    this.#options = options;
    this.log = options.log;
    this.policy = options.policy;
    this.keys = options.keys;
    this.limits = options.limits;
    this.stanzaLimits = options.stanzaLimits;
    this.anchors = options.tls.anchors;
    this.serves = this.serves.bind(this);
    this.#dialer = new Dialer({
      resolver: options.resolver,
      context: this,
      transport: options.transport,
      milliseconds: options.connectMilliseconds,
    });
  }

  // ---- stanzas of ours ----

  deliver(stanza: Stanza, origin: Origin): void {
    const { fromJid: from, toJid: to } = stanza;
    // only what is from a domain of ours can leave it
    if (!from || !to || !this.serves(from.domain)) return;
    if (this.policy.ruleFor(to.domain) === 'refuse') {
      return this.bounce(
        stanza,
        new FederationFailure('not-allowed', 'no federation with this domain', { permanent: true }),
      );
    }
    this.#pair(from.domain, to.domain).send(withCanonicalAddresses(stanza), origin);
  }

  #pair(local: string, remote: string): DomainPair {
    let ours = this.pairs.get(local);
    if (ours === undefined) {
      ours = new Map();
      this.pairs.set(local, ours);
    }
    let pair = ours.get(remote);
    if (pair === undefined) {
      pair = new DomainPair(local, remote, this);
      ours.set(remote, pair);
    }
    return pair;
  }

  async streamFor(local: string, remote: string): Promise<ServerStream> {
    const stream = await this.#use(
      local,
      remote,
      (candidate) => candidate.canCarry(local),
      (candidate) => candidate.authorize(local).then(() => candidate),
    );
    this.log.info(
      {
        code: 's2s.connected',
        local,
        remote,
        tls: stream.transport.secure,
        by: stream.authenticated ? 'EXTERNAL' : 'dialback',
        bidirectional: stream.bidirectional,
      },
      'connected to another server',
    );
    return stream;
  }

  bounce(stanza: Stanza, failure: FederationFailure): void {
    this.#options.router.bounce(stanza, failure.toStanzaError());
  }

  sent(count: number): void {
    this.#options.sent.inc(count);
  }

  failed(pair: DomainPair, failure: FederationFailure): void {
    this.#options.failures.inc(1, { condition: failure.condition });
    this.log.warn(
      {
        code: 's2s.failed',
        local: pair.local,
        remote: pair.remote,
        condition: failure.condition,
        reason: failure.message,
        waiting: pair.waiting,
      },
      'another server cannot be reached',
    );
  }

  /**
   * Asks something on a stream; once more on another if the peer ended it because EXTERNAL failed (XEP-0178 §3 step 11.2),
   * or has no place for more domains of ours on one that it shares with others (XEP-0220 §2.5).
   */
  async #use<T>(
    local: string,
    remote: string,
    fits: (stream: OutgoingStream) => boolean,
    ask: (stream: OutgoingStream) => Promise<T>,
  ): Promise<T> {
    const stream = await this.#streamTo(local, remote, fits);
    try {
      return await ask(stream);
    } catch (error) {
      const ended = stream.externalRefused && stream.closed;
      const full = failureOf(error).streamFull && stream.local !== local;
      if (!ended && !full) throw error;
      return ask(await this.#open(local, remote, ended));
    }
  }

  /** A stream to `remote` that `fits`, one that is being opened included; else a new one. */
  async #streamTo(
    local: string,
    remote: string,
    fits: (stream: OutgoingStream) => boolean,
  ): Promise<OutgoingStream> {
    for (const stream of this.outgoing) {
      if (stream.remote === remote && stream.open && fits(stream)) return stream;
    }
    for (const opening of this.#opening.values()) {
      if (opening.remote !== remote) continue;
      const stream = await opening.stream;
      if (stream.open && fits(stream)) return stream;
    }
    return this.#open(local, remote);
  }

  #open(local: string, remote: string, withoutExternal = false): Promise<OutgoingStream> {
    const name = `${local} ${remote}`;
    const known = this.#opening.get(name);
    if (known !== undefined) return known.stream;
    if (this.stopping || this.#opening.size >= OPENING) {
      return Promise.reject(
        new FederationFailure('resource-constraint', 'too many servers are being connected to'),
      );
    }
    const stream = this.#dialer
      .open(local, remote, withoutExternal)
      .then((opened) => {
        if (opened.closed) throw new FederationFailure('remote-server-timeout', 'the stream was lost');
        this.outgoing.add(opened);
        return opened;
      })
      .finally(() => this.#opening.delete(name));
    this.#opening.set(name, { remote, stream });
    return stream;
  }

  // ---- streams of others ----

  /** Another server has connected. */
  admit(transport: SocketTransport): void {
    const { remoteAddress } = transport;
    const network = networkOf(remoteAddress);
    const count = this.#perNetwork.get(network) ?? 0;
    if (count >= this.#options.perAddress || !this.door.hasRoom(remoteAddress)) {
      this.tooMany(remoteAddress);
      transport.fail('resource-constraint', 'too many connections from your address');
      return;
    }
    this.#perNetwork.set(network, count + 1);
    const stream = new IncomingStream(transport, this);
    this.incoming.add(stream);
    this.#strangers.set(stream, this.door.enter(remoteAddress));
  }

  tooMany(address: string): void {
    this.log.warn({ code: 's2s.too-many-connections', address }, 'too many connections from one address');
  }

  get door(): Door {
    return this.#options.door;
  }

  serves(domain: string): boolean {
    return this.#options.router.serves(domain);
  }

  secure(socket: Socket, local: string, remote: string, direct: boolean): TLSSocket {
    return this.#options.tls.connect(socket, local, remote, direct);
  }

  hasCertificate(local: string): boolean {
    return this.#options.tls.hasCertificate(local);
  }

  receive(stanza: Stanza): void {
    this.#options.received.inc();
    this.#options.router.route(stanza, serverOrigin);
  }

  accepted(stream: ServerStream, remote: string, local: string): void {
    this.#known(stream);
    this.log.info(
      {
        code: 's2s.accepted',
        local,
        remote,
        direction: stream.direction,
        tls: stream.transport.secure,
        certificate: stream.peerProves(remote),
        address: stream.transport.remoteAddress,
      },
      'another server may send',
    );
    if (stream.bidirectional && stream.direction === 'in' && !stream.closing)
      this.#pair(local, remote).ready(stream);
  }

  /** A stranger makes us connect to whom it names: it may do so a bounded number of times at once. */
  async verify({ local, remote, streamId, key, receivedOn }: KeyToVerify): Promise<boolean> {
    const network = networkOf(receivedOn.transport.remoteAddress);
    const counts = this.#verifying;
    if ((counts.get('') ?? 0) >= VERIFYING || (counts.get(network) ?? 0) >= VERIFYING_PER_ADDRESS) {
      throw new FederationFailure('resource-constraint', 'too many keys are being verified');
    }
    for (const name of ['', network]) counts.set(name, (counts.get(name) ?? 0) + 1);
    try {
      return await this.#use(
        local,
        remote,
        (candidate) => candidate !== receivedOn,
        (candidate) => candidate.dialback.verify(local, remote, streamId, key),
      );
    } finally {
      for (const name of ['', network]) countDown(counts, name);
    }
  }

  /** It is a stranger no more. */
  #known(stream: ServerStream): void {
    this.#strangers.get(stream)?.();
    this.#strangers.delete(stream);
  }

  drained(stream: ServerStream): void {
    for (const pair of this.#all()) if (pair.stream === stream) pair.flush();
  }

  closing(stream: ServerStream): void {
    for (const pair of this.#all()) if (pair.stream === stream) pair.lost(stream, []);
  }

  closed(stream: ServerStream, unsent: readonly Outbound[], orderly: boolean): void {
    if (this.incoming.delete(stream as IncomingStream))
      countDown(this.#perNetwork, networkOf(stream.transport.remoteAddress));
    this.#known(stream);
    this.outgoing.delete(stream as OutgoingStream);
    const byPair = new Map<DomainPair, Outbound[]>();
    for (const pair of this.#all()) if (pair.stream === stream) byPair.set(pair, []);
    for (const outbound of unsent) {
      const { fromJid: from, toJid: to } = outbound.stanza;
      if (!from || !to) continue;
      const pair = this.#pair(from.domain, to.domain);
      // Tens of thousands of small ones may not have left yet.
      const own = byPair.get(pair);
      if (own === undefined) byPair.set(pair, [outbound]);
      else own.push(outbound);
    }
    for (const [pair, own] of byPair) pair.lost(stream, own);
    if (orderly || this.stopping) return;
    for (const remote of stream.remotes) {
      const others = [...this.incoming, ...this.outgoing];
      if (!others.some((other) => other.remotes.includes(remote))) this.#options.remoteLost(remote);
    }
  }

  *#all(): Iterable<DomainPair> {
    for (const ours of this.pairs.values()) yield* ours.values();
  }

  /** Every other server that we have streams with, or stanzas for. */
  peers(): Peer[] {
    const found = new Map<string, Peer>();
    const peer = (remote: string) => {
      const known = found.get(remote) ?? { remote, streams: 0, waiting: 0, stanzas: 0 };
      found.set(remote, known);
      return known;
    };
    for (const stream of this.incoming) for (const remote of stream.remotes) peer(remote).streams++;
    for (const stream of this.outgoing) peer(stream.remote).streams++;
    for (const pair of this.#all()) if (pair.waiting > 0) peer(pair.remote).waiting += pair.waiting;
    for (const { remote, sent } of this.#all()) {
      const known = found.get(remote);
      if (known !== undefined) known.stanzas += sent;
    }
    for (const stream of [...this.incoming, ...this.outgoing])
      for (const remote of stream.remotes) peer(remote).stanzas += stream.receivedFrom(remote);
    return [...found.values()];
  }

  get waiting(): number {
    let count = 0;
    for (const pair of this.#all()) count += pair.waiting;
    return count;
  }
}
