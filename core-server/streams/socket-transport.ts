import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { readShared } from '../../shared/net/shared-reads.js';
import { beginWith } from '../../shared/tls/server-socket.js';
import { type Element, xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import { STANZA_TOO_BIG, StreamParser } from '../../shared/xml/stream-parser.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { StreamErrorCondition } from '../../shared/xmpp/stream-error.js';
import { StreamError } from '../../shared/xmpp/stream-error.js';
import { CompressionLayer } from './compression-layer.js';
import { declaresTooMuch } from './header-limit.js';
import { headerText } from './header-text.js';
import { InputRate } from './input-rate.js';
import { HIGH_WATER_BYTES, SocketOutput } from './socket-output.js';
import type { SocketTransportOptions } from './socket-transport-options.js';
import {
  type OutgoingHeader,
  type StreamLimits,
  silentHandler,
  type Transport,
  type TransportHandler,
} from './transport.js';
import { giveWay, sliceMilliseconds, thisTurn } from './turns.js';
import { flushWhereDue } from './write-scheduler.js';

const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** How soon the end of a connection is looked at again while its last words are inflated. */
const INFLATING_MILLISECONDS = 5;

/** One XML stream over one TCP or TLS socket: bytes → parser → stream, text → {@link SocketOutput} → bytes. */
export class SocketTransport implements Transport {
  readonly kind = 'socket';
  readonly remoteAddress: string;
  handler: TransportHandler = silentHandler;
  /** When the peer last sent anything, in `performance.now()` milliseconds. */
  lastReceived = performance.now();
  readonly #options: SocketTransportOptions;
  readonly #parser: StreamParser;
  readonly #output: SocketOutput;
  #socket: Socket | TLSSocket;
  #encrypted: TLSSocket | null;
  /** After <proceed/>: takes the first bytes of the peer's handshake. */
  #takeHello: ((bytes: Buffer) => void) | null = null;
  #compression: CompressionLayer | null = null;
  #headerSent = false;
  #closingSent = false;
  /** After a stream error of ours: what still comes is dropped. */
  #refusing = false;
  #peerClosed = false;
  #lost = false;
  #pausedByStream = false;
  /** It has had its share of this turn. */
  #pausedByTurn = false;
  #turn = -1;
  #sliceEnds = 0;
  /** Why the connection has ended, while what had come of it before waits for its next turn. */
  #ended: string | null = null;
  #weight: number;
  /** When the beginning of what has not come whole came; 0: nothing is unfinished. */
  #unfinishedSince = 0;
  /** Compressed input waits to be inflated. */
  #pausedByBacklog = false;
  readonly #rate: InputRate | null;
  #closeTimer: NodeJS.Timeout | null = null;

  constructor(socket: Socket | TLSSocket, options: SocketTransportOptions) {
    this.#socket = socket;
    this.#encrypted = 'getPeerFinished' in socket ? socket : null;
    this.#options = options;
    const { bytesPerSecond } = options;
    this.#rate = bytesPerSecond === 0 ? null : new InputRate(bytesPerSecond, () => this.#adjustReading());
    this.#output = new SocketOutput(this, socket, {
      secure: this.secure,
      limit: options.limits.outboundBytes,
      // whom we have called we know, and have much to say to
      stranger: options.speaksFirst !== true,
    });
    this.#weight = options.limits.weight ?? 1;
    this.remoteAddress = options.remoteAddress ?? socket.remoteAddress ?? 'unknown';
    this.#parser = new StreamParser(this, options.limits);
    this.watchWhitespace(false);
    socket.setNoDelay(true);
    this.#listen();
  }

  get secure(): boolean {
    return this.#encrypted !== null;
  }
  get tls(): TLSSocket | null {
    return this.#encrypted;
  }
  get compressed(): boolean {
    return this.#compression !== null;
  }
  get queuedBytes(): number {
    return this.#output.queuedBytes;
  }
  get congested(): boolean {
    return this.#output.queuedBytes > HIGH_WATER_BYTES;
  }
  /** {@link SocketOutput.flushes} */
  get flushes(): number {
    return this.#output.flushes;
  }

  /** Since when the peer owes the rest of what it began to say (`performance.now()` milliseconds); null: it owes nothing. */
  get unfinishedSince(): number | null {
    // who is held back by us cannot be late
    return this.#unfinishedSince === 0 || this.#rate?.spent === true ? null : this.#unfinishedSince;
  }

  // ---- what the stream above asks for ----

  watchWhitespace(on: boolean): void {
    this.#parser.reportWhitespace(on);
  }

  sendHeader(header: OutgoingHeader): void {
    this.#headerSent = true;
    this.send(headerText(header));
  }

  send(text: string): void {
    if (!this.#lost && !this.#closingSent) this.#output.send(text);
  }

  afterFlush(callback: () => void): void {
    if (!this.#lost) this.#output.afterFlush(callback);
  }

  expectRestart(): void {
    this.#headerSent = false;
    this.#parser.restart();
  }

  setLimits(limits: StreamLimits): void {
    this.#parser.setLimits(limits);
    this.#output.setLimit(limits.outboundBytes);
    this.#weight = limits.weight ?? 1;
  }

  pause(): void {
    if (this.#pausedByStream) return;
    this.#pausedByStream = true;
    this.#parser.pause();
    this.#adjustReading();
  }

  resume(): void {
    if (!this.#pausedByStream) return;
    this.#pausedByStream = false;
    if (!this.#pausedByTurn) this.#parseOn();
    this.#adjustReading();
    if (this.#ended !== null) this.#endWith(this.#ended);
  }

  /** Whose streams share their turns with this one. */
  get owner(): object {
    return this.handler.owner ?? this;
  }

  /** Its next turn has come. */
  proceed(): void {
    if (!this.#pausedByTurn) return;
    this.#pausedByTurn = false;
    this.#beginSlice();
    if (!this.#pausedByStream) this.#parseOn();
    this.#adjustReading();
    if (this.#ended !== null) this.#endWith(this.#ended);
  }

  #beginSlice(): void {
    this.#turn = thisTurn();
    this.#sliceEnds = performance.now() + sliceMilliseconds() * this.#weight;
  }

  #giveWay(): void {
    if (this.#pausedByTurn || this.#lost) return;
    this.#pausedByTurn = true;
    this.#parser.pause();
    this.#adjustReading();
    giveWay(this);
  }

  close(): void {
    if (this.#closingSent || this.#lost) return;
    if (this.#headerSent) this.send('</stream:stream>');
    this.#closingSent = true;
    if (this.#peerClosed) this.#finish();
    else this.#armCloseTimer();
  }

  fail(condition: StreamErrorCondition, text?: string, application?: Element): void {
    if (this.#closingSent || this.#lost) return;
    // RFC 6120 §4.9.1.2: an error in the header is answered within a stream of ours, with all that §4.7 asks for
    if (!this.#headerSent) {
      this.sendHeader({
        contentNamespace: this.#options.contentNamespace,
        id: randomUUID(),
        from: this.#options.domain,
        version: '1.0',
        lang: 'en',
      });
    }
    this.send(`${new StreamError(condition, { text, application }).toText()}</stream:stream>`);
    this.#closingSent = true;
    this.#refusing = true;
    this.#parser.stop();
    this.#compression?.stopInput();
    this.#finish();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#loseWith('destroyed');
  }

  startTls(beforeText: string, domain: string | null = null): void {
    if (this.#options.upgrade === null) throw new Error('this transport has no TLS');
    // Bytes sent before our <proceed/> would be plaintext smuggled into the encrypted stream (RFC 6120 §5.4.3.1).
    // White space is no data: clients end <starttls/> with a new line. It is dropped, too.
    const smuggled = this.#parser.takeRemainder().some((byte) => !WHITE_SPACE.has(byte));
    const plain = this.#socket;
    this.#output.writePlain(beforeText);
    if (smuggled) return this.destroy();
    this.#headerSent = false;
    this.#parser.restart();
    if (this.#options.speaksFirst === true) this.#secure(plain, null, domain);
    else {
      this.#output.held = true;
      this.#takeHello = (bytes) => this.#secure(plain, bytes, domain);
    }
  }

  /** Begins TLS; at the server's end with the peer's first bytes, which have come. */
  #secure(plain: Socket, hello: Buffer | null, domain: string | null): void {
    const { upgrade } = this.#options;
    if (upgrade === null) return;
    this.#takeHello = null;
    this.#handOver(plain);
    const encrypted = upgrade(plain, domain);
    this.#encrypted = encrypted;
    this.#socket = encrypted;
    this.#output.secureWith(encrypted);
    this.#output.held = this.#ended !== null;
    this.#listen();
    if (hello !== null) beginWith(hello, encrypted, plain);
  }

  startCompression(beforeText: string): void {
    const remainder = this.#parser.takeRemainder();
    this.send(beforeText);
    this.#compression = new CompressionLayer({
      toSocket: (bytes, done) => this.#socket.write(bytes, done),
      toParser: (bytes) => this.#parse(bytes),
      failed: () => this.#compressionFailed(),
      backlog: (full) => {
        this.#pausedByBacklog = full;
        this.#adjustReading();
      },
    });
    this.#output.compressWith(this.#compression);
    this.#headerSent = false;
    this.#parser.restart();
    if (remainder.length > 0) this.#compression.inflate(remainder);
  }

  // ---- what the output reports ----

  outputDrained(): void {
    this.handler.drained();
  }
  outputUnread(): void {
    this.#options.notReading(this.remoteAddress);
    this.#socket.destroy();
    this.#loseWith('the peer does not read');
  }

  // ---- what the parser reports ----

  streamOpened(header: StreamHeader): void {
    if (declaresTooMuch(header)) this.fail('policy-violation', 'namespace declarations too long');
    else this.handler.streamOpened(header);
  }
  whitespace(): void {
    this.handler.whitespace?.();
  }
  stanza(stanza: Stanza): void {
    this.#unfinishedSince = 0;
    if (!this.#closingSent || this.#options.readsWhileClosing === true) this.handler.stanzaReceived(stanza);
    if (performance.now() >= this.#sliceEnds) this.#giveWay();
  }
  streamClosed(): void {
    this.#peerClosed = true;
    this.handler.streamClosed();
    if (this.#closingSent) this.#finish();
    else this.close();
  }
  failed(error: { condition: StreamErrorCondition; text: string }): void {
    // XEP-0205 §4.5
    const tooBig = error.text === STANZA_TOO_BIG ? xml('stanza-too-big', { xmlns: NS.errors }) : undefined;
    this.fail(error.condition, error.text, tooBig);
  }

  // ---- the socket ----

  readonly #onDrain = (): void => this.handler.drained();
  readonly #onEnd = (): void => this.#endWith(this.#peerClosed ? 'closed' : 'connection ended');
  readonly #onError = (error: Error): void => this.#loseWith(error.message);
  readonly #onClose = (): void => this.#endWith('connection closed');
  readonly #onData = (bytes: Buffer): void => this.#received(bytes);

  #listen(): void {
    readShared(this.#socket, this.#onData);
    this.#socket.on('drain', this.#onDrain);
    this.#socket.on('end', this.#onEnd);
    this.#socket.on('error', this.#onError);
    this.#socket.on('close', this.#onClose);
  }

  /** Leaves the socket paused to the TLS above it, of which only its errors are told here. Others may listen to it as well. */
  #handOver(plain: Socket): void {
    plain.off('data', this.#onData);
    plain.off('drain', this.#onDrain);
    plain.off('end', this.#onEnd);
    plain.off('close', this.#onClose);
    plain.pause();
  }

  /**
   * A peer may say all it has to say and go: what waits because the stream is held back, or to be inflated, is still heard.
   * Whoever is held back is let on, and then comes here again.
   */
  #endWith(reason: string): void {
    if (this.#lost) return;
    const hears = !this.#closingSent || this.#options.readsWhileClosing === true;
    const held = this.#pausedByTurn || this.#pausedByStream;
    const inflating = this.#compression?.hasInput === true;
    if (!hears || (!held && !inflating)) return this.#loseWith(reason);
    this.#ended ??= reason;
    this.#output.held = true;
    if (!held) setTimeout(() => this.#endWith(reason), INFLATING_MILLISECONDS).unref();
  }

  /** `bytes` are only lent. */
  #received(bytes: Buffer): void {
    this.lastReceived = performance.now();
    if (this.#takeHello !== null) return this.#takeHello(bytes);
    if (this.#compression !== null) this.#compression.inflate(Buffer.from(bytes));
    else this.#parse(bytes);
    // White space and half a stanza take time, too. What comes after our last words is read only because a peer whose
    // bytes are refused may never see them: a piece in a turn, where it would be megabytes.
    if (this.#refusing || performance.now() >= this.#sliceEnds) this.#giveWay();
    flushWhereDue();
  }

  /** The limits count what the parser gets: inflated, where the stream is compressed. */
  #parse(bytes: Buffer): void {
    if (this.#rate?.spend(bytes.length) === true) this.#adjustReading();
    if (this.#turn !== thisTurn()) this.#beginSlice();
    this.#parser.write(bytes);
    this.#timeUnfinished();
  }

  /** What came while the stream was held back: the beginning of a stanza may be in it, too. */
  #parseOn(): void {
    this.#parser.resume();
    this.#timeUnfinished();
  }

  #timeUnfinished(): void {
    if (!this.#parser.unfinished) this.#unfinishedSince = 0;
    else if (this.#unfinishedSince === 0) this.#unfinishedSince = this.lastReceived;
  }

  /** XEP-0138 §3: after the start a failure is a stream error. */
  #compressionFailed(): void {
    if (this.#peerClosed) return;
    this.fail(
      'undefined-condition',
      undefined,
      xml('failure', { xmlns: NS.compress }, xml('processing-failed')),
    );
  }

  #adjustReading(): void {
    if (this.#lost) return;
    const held = this.#rate?.spent === true || this.#pausedByStream || this.#pausedByTurn;
    if (held) this.#compression?.pause();
    else this.#compression?.resume();
    if (held || this.#pausedByBacklog) this.#socket.pause();
    else this.#socket.resume();
  }

  #armCloseTimer(): void {
    this.#closeTimer ??= setTimeout(() => {
      this.#socket.destroy();
      this.#loseWith('close timed out');
    }, this.#options.closeMilliseconds);
  }

  /** Our last words are queued: let the kernel take them, then end; a peer that does not read cannot hold us. */
  #finish(): void {
    this.#armCloseTimer();
    this.#output.flushWhole();
    if (this.#compression !== null) this.#compression.end(() => this.#socket.end());
    else this.#socket.end();
  }

  #loseWith(reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    if (this.#closeTimer !== null) clearTimeout(this.#closeTimer);
    this.#parser.stop();
    this.#compression?.destroy();
    this.#output.drop();
    // Half-open connections serve nobody: what was queued is sent by end(), then both directions are gone.
    if (!this.#socket.writableEnded) this.#socket.end();
    const socket = this.#socket;
    setTimeout(() => socket.destroy(), this.#options.closeMilliseconds).unref();
    this.handler.lost(reason);
  }
}
