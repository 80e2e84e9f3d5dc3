import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import type { StreamErrorCondition } from '../../shared/xmpp/stream-error.js';
import type { Origin } from '../routing/origin.js';
import type { AccountState } from './account-state.js';
import { InboundLedger } from './inbound-ledger.js';
import { StanzaQueue } from './stanza-queue.js';

/** The stream that is lent to a session at the moment. */
export interface SessionStream {
  send(text: string): void;
  afterFlush(callback: () => void): void;
  readonly queuedBytes: number;
  readonly remoteAddress: string;
  readonly secure: boolean;
  /** Nothing more is read for so long. */
  pauseFor(milliseconds: number): void;
  /** Ends the stream with a stream error. */
  fail(condition: StreamErrorCondition, text?: string): void;
  close(): void;
  /** Drops the connection without a word. */
  destroy(): void;
}

interface SessionOptions {
  readonly id: string;
  readonly jid: Jid;
  readonly account: AccountState;
  readonly stream: SessionStream;
  readonly lang: string | undefined;
  /** Bytes that may wait for a client that does not read. */
  readonly outboundLimit: number;
  /** Called before a stanza goes into the queue; true takes it over (client state indication). */
  readonly outboundFilter: (session: Session, stanza: Stanza) => boolean;
}

/** Wire text that the socket may have in flight before stanzas wait in the session's own queue. */
const STREAM_WINDOW_BYTES = 256 * 1024;

/**
 * A bound resource. It outlives its stream: a stream is lent to it and may be taken away or exchanged, while presence,
 * the queue of stanzas and both counters of XEP-0198 stay here.
 */
export class Session {
  /** Short and unique, for logs. */
  readonly id: string;
  readonly jid: Jid;
  readonly account: AccountState;
  readonly origin: Origin;
  lang: string | undefined;
  stream: SessionStream | null;
  /** Last broadcast available presence (stamped); null while unavailable. */
  presence: Stanza | null = null;
  /** When it was sent, in milliseconds since 1970. */
  presenceTime = 0;
  priority = 0;
  /** Has asked for the roster, so it gets roster pushes (RFC 6121 §2.1.6: "interested resource"). */
  interested = false;
  /** Full or bare JIDs that got directed presence and would not hear a broadcast (RFC 6121 §4.6). */
  directed: Set<string> | null = null;
  /** Whether it has ended for good. */
  ended = false;
  /** Since when it exists and when it last sent a stanza, in milliseconds since the epoch and `performance.now()`. */
  readonly since = Date.now();
  lastActive = performance.now();
  readonly inbound = new InboundLedger();
  readonly outbound: StanzaQueue;
  /** XEP-0280: wants copies of what other resources send and receive. */
  carbons = false;
  /** Called when the queue of a session without stream is full. */
  onOverfull: (() => void) | null = null;
  /** XEP-0198: told of each stanza handed to the stream. */
  onSent: (() => void) | null = null;
  readonly #filter: (session: Session, stanza: Stanza) => boolean;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.jid = options.jid;
    this.account = options.account;
    this.stream = options.stream;
    this.lang = options.lang;
    this.outbound = new StanzaQueue(options.outboundLimit);
    this.#filter = options.outboundFilter;
    this.origin = { kind: 'session', session: this, hold: () => this.inbound.hold() };
  }

  get available(): boolean {
    return this.presence !== null;
  }

  /** Delivers a stanza to this client: counted, kept as long as it must be, written when the stream can take it. */
  deliver(stanza: Stanza): void {
    if (this.ended || this.#filter(this, stanza)) return;
    this.enqueue(stanza);
  }

  /** {@link deliver} past the filter: for what a filter had held back. */
  enqueue(stanza: Stanza): void {
    const stream = this.stream;
    if (stream !== null && this.outbound.waiting === 0 && stream.queuedBytes < STREAM_WINDOW_BYTES) {
      this.outbound.sent(stanza);
      stream.send(stanza.text);
      if (this.onSent !== null) this.onSent();
    } else this.outbound.push(stanza);
    if (!this.outbound.overfull) return;
    if (stream === null) this.onOverfull?.();
    // What can be stored is stored when the session ends; see `SessionService.end`.
    else stream.fail('resource-constraint', 'the client does not read or acknowledge what it is sent');
  }

  /**
   * Resolves when everything delivered so far has certainly left: acknowledged where XEP-0198 is in use, else written
   * to the socket. Resolves too when the session ends, since then what was not is handed on.
   */
  delivered(): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended || this.outbound.settled) resolve();
      else this.outbound.whenSettled(resolve);
      if (!this.outbound.keeping) this.stream?.afterFlush(() => this.outbound.flushed());
    });
  }

  /** The stream can take more: hand over what waits. */
  drained(): void {
    const stream = this.stream;
    while (stream !== null && stream.queuedBytes < STREAM_WINDOW_BYTES) {
      const stanza = this.outbound.shift();
      if (stanza === undefined) break;
      stream.send(stanza.text);
      if (this.onSent !== null) this.onSent();
    }
    if (stream !== null && !this.outbound.keeping && this.outbound.watched) {
      stream.afterFlush(() => this.outbound.flushed());
    }
  }
}
