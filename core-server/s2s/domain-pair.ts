import type { Stanza } from '../../shared/xml/stanza.js';
import type { Origin } from '../routing/origin.js';
import { Backlog, type BacklogLimits, type Outbound, type SharedBudget } from './backlog.js';
import { FederationFailure, failureOf } from './failure.js';
import type { ServerStream } from './server-stream.js';

/** What a domain pair needs to find its stream and to give up. */
export interface DomainPairOwner {
  readonly limits: BacklogLimits;
  readonly budget: SharedBudget;
  /** A stream on which the peer takes stanzas of this pair. Rejects with a FederationFailure. */
  streamFor(local: string, remote: string): Promise<ServerStream>;
  /** Answers a stanza that cannot be sent, where an answer is due. */
  bounce(stanza: Stanza, failure: FederationFailure): void;
  sent(count: number): void;
  failed(pair: DomainPair, failure: FederationFailure): void;
}

type State =
  | { readonly step: 'idle' }
  | { readonly step: 'connecting' }
  | { readonly step: 'ready'; readonly stream: ServerStream };

/** Streams lost in a row, without a stanza getting through, after which what waits goes back to its senders. */
const LOSSES = 3;

/** The way from one domain of ours to one of theirs: every stanza of the pair in order, whatever becomes of its stream. */
export class DomainPair {
  readonly local: string;
  readonly remote: string;
  readonly #owner: DomainPairOwner;
  readonly #backlog: Backlog;
  #state: State = { step: 'idle' };
  #losses = 0;
  lastUsed = performance.now();
  /** Stanzas given to streams. */
  sent = 0;

  constructor(local: string, remote: string, owner: DomainPairOwner) {
    this.local = local;
    this.remote = remote;
    this.#owner = owner;
    this.#backlog = new Backlog(owner.limits, owner.budget);
  }

  get waiting(): number {
    return this.#backlog.length;
  }
  get stream(): ServerStream | null {
    return this.#state.step === 'ready' ? this.#state.stream : null;
  }
  get idle(): boolean {
    return this.#state.step === 'idle' && this.#backlog.length === 0;
  }

  /** Sends, or queues and connects, or answers with an error. */
  send(stanza: Stanza, origin: Origin): void {
    const outbound: Outbound = { stanza, release: origin.hold(), since: performance.now() };
    this.lastUsed = outbound.since;
    const { stream } = this;
    if (stream !== null && this.#backlog.length === 0 && stream.hasRoom) {
      stream.sendStanza(outbound);
      this.#sent(1);
      return;
    }
    if (!this.#backlog.push(outbound)) {
      const full = new FederationFailure('resource-constraint', 'too much waits for this server');
      this.#giveBack([outbound], full);
      return;
    }
    this.#connect();
  }

  /** A stream takes our stanzas: one that was opened for this pair, or a bidirectional one of the peer's (XEP-0288). */
  ready(stream: ServerStream): void {
    if (this.#state.step === 'ready') return;
    this.#state = { step: 'ready', stream };
    this.flush();
  }

  /** Sends what waits, as far as the stream has room. */
  flush(): void {
    const { stream } = this;
    if (stream === null) return;
    let count = 0;
    while (stream.hasRoom && !stream.closed) {
      const next = this.#backlog.shift();
      if (next === undefined) break;
      stream.sendStanza(next);
      count++;
    }
    if (count > 0) this.#sent(count);
  }

  #sent(count: number): void {
    this.sent += count;
    this.#owner.sent(count);
  }

  /** The stream is gone; `unsent` are the stanzas of this pair that it did not give to the kernel. */
  lost(stream: ServerStream, unsent: readonly Outbound[]): void {
    this.#backlog.unshift(unsent);
    if (this.stream === stream) this.#state = { step: 'idle' };
    else if (this.stream !== null) return this.flush();
    if (this.#state.step !== 'idle') return;
    if (this.#backlog.length === 0) {
      this.#losses = 0;
      return;
    }
    if (++this.#losses > LOSSES) {
      this.fail(new FederationFailure('remote-server-timeout', 'the server keeps ending its streams'));
    } else this.#connect();
  }

  /** What waits goes back to its senders. */
  fail(failure: FederationFailure): void {
    this.#losses = 0;
    if (this.#state.step === 'connecting') this.#state = { step: 'idle' };
    this.#owner.failed(this, failure);
    this.#giveBack(this.#backlog.takeAll(), failure);
  }

  /** What has waited too long goes back to its senders. */
  expire(now: number): void {
    const expired = this.#backlog.takeExpired(now);
    if (expired.length === 0) return;
    const failure = new FederationFailure('remote-server-timeout', 'the server could not be reached in time');
    this.#giveBack(expired, failure);
  }

  #connect(): void {
    if (this.#state.step !== 'idle') return;
    this.#state = { step: 'connecting' };
    this.#owner.streamFor(this.local, this.remote).then(
      (stream) => {
        // a bidirectional stream of the peer's may have been faster
        if (this.#state.step !== 'connecting') return;
        this.#state = { step: 'idle' };
        if (stream.closed) this.fail(new FederationFailure('remote-server-timeout', 'the stream was lost'));
        else this.ready(stream);
      },
      (error: unknown) => {
        if (this.#state.step === 'connecting') this.fail(failureOf(error));
      },
    );
  }

  #giveBack(outbounds: readonly Outbound[], failure: FederationFailure): void {
    for (const { stanza, release } of outbounds) {
      this.#owner.bounce(stanza, failure);
      release();
    }
  }
}
