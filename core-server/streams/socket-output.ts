import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { CompressionLayer } from './compression-layer.js';
import { flushThisTurn } from './write-scheduler.js';

export const HIGH_WATER_BYTES = 64 * 1024;
/** What TLS may have to send at once before Node gives the connection 16 KiB more for it, less what OpenSSL adds by itself. */
const SMALL_RECORD_BYTES = 800;

/** Whose output it is. */
interface OutputOwner {
  /** What waits was above the high-water mark, and is not any more. */
  outputDrained(): void;
  /** More waits than may: the peer does not read, and nothing more is kept for it. */
  outputUnread(): void;
}

/** What is sent on one socket: texts of one turn of the event loop leave in one write. */
export class SocketOutput {
  /** While it is set nothing is written, and what is sent waits. */
  held = false;
  /** How often {@link flush} has begun: text sent while it does not change leaves together. */
  flushes = 0;
  readonly #owner: OutputOwner;
  #socket: Socket | TLSSocket;
  #secure: boolean;
  #compression: CompressionLayer | null = null;
  #pending = '';
  #callbacks: (() => void)[] | null = null;
  #limit: number;
  /** Until the peer has proved who it is, what is long leaves in pieces that fit the smaller buffer of TLS. */
  #inPieces: boolean;
  #pieceUnderWay = false;
  #dropped = false;

  /** `limit`: bytes of text for a peer that does not read. `stranger`: who it is, it has yet to prove. */
  constructor(
    owner: OutputOwner,
    socket: Socket | TLSSocket,
    { secure, limit, stranger }: { secure: boolean; limit: number; stranger: boolean },
  ) {
    this.#owner = owner;
    this.#socket = socket;
    this.#secure = secure;
    this.#limit = limit;
    this.#inPieces = stranger;
  }

  /** Bytes (UTF-16 units for what is not encoded yet) that the kernel has not taken. */
  get queuedBytes(): number {
    return this.#pending.length + this.#socket.writableLength + (this.#compression?.queuedBytes ?? 0);
  }

  send(text: string): void {
    if (this.#pending === '' || this.#pieceUnderWay) flushThisTurn(this);
    this.#pending += text;
  }

  /** Calls back when everything sent so far has been handed to the kernel. */
  afterFlush(callback: () => void): void {
    if (this.#pending === '') flushThisTurn(this);
    this.#callbacks ??= [];
    this.#callbacks.push(callback);
  }

  /** The peer has proved who it is. */
  setLimit(bytes: number): void {
    this.#inPieces = false;
    this.#limit = bytes;
  }

  /** Writes what waits and `text` at once, in the clear. */
  writePlain(text: string): void {
    const all = this.#pending + text;
    this.#pending = '';
    if (all !== '') this.#socket.write(all, 'utf8');
  }

  /** From now on everything goes through TLS. */
  secureWith(socket: TLSSocket): void {
    this.#socket = socket;
    this.#secure = true;
    if (this.#pending !== '') flushThisTurn(this);
  }

  /** Writes what waits as it is; what is sent from now on is compressed. */
  compressWith(layer: CompressionLayer): void {
    this.flushWhole();
    this.#compression = layer;
  }

  /** Hands everything that waits to the socket; the write scheduler calls it. */
  flush(): void {
    if (this.#dropped || this.held) return;
    if (this.#pieceUnderWay) {
      if (this.queuedBytes > this.#limit) this.#owner.outputUnread();
      return;
    }
    if (this.#inPieces && this.#secure && this.#writePiece()) return;
    this.flushes++;
    const text = this.#pending;
    const callbacks = this.#callbacks;
    this.#pending = '';
    this.#callbacks = null;
    const done =
      callbacks === null
        ? undefined
        : () => {
            for (const callback of callbacks) callback();
          };
    if (text === '') {
      if (done !== undefined) this.#socket.write('', done);
      return;
    }
    // Whoever saw the queue full while this text was pending waits for `drained`. The socket tells that only of writes
    // that it could not hand to the kernel at once.
    const wasFull = text.length >= HIGH_WATER_BYTES;
    if (this.queuedBytes > this.#limit) return this.#owner.outputUnread();
    if (this.#compression !== null) {
      this.#compression.write(text, wasFull ? () => this.#flushed(done) : done);
      return;
    }
    this.#socket.write(text, 'utf8', done);
    if (wasFull && this.#socket.writableLength === 0) this.#flushed(undefined);
  }

  /** Hands all that waits to the socket, with nothing left for later. */
  flushWhole(): void {
    this.#inPieces = false;
    this.#pieceUnderWay = false;
    this.flush();
  }

  /** Nothing is written any more, and nobody is called back. */
  drop(): void {
    this.#dropped = true;
    this.#pending = '';
    this.#callbacks = null;
  }

  /**
   * Writes the first part of what waits, up to a tag, and the rest when that has left. Stream features are longer than the
   * first buffer of TLS; the next one, which stays with the connection, is a third of all that an idle one takes.
   */
  #writePiece(): boolean {
    const end =
      this.#pending.length > SMALL_RECORD_BYTES ? this.#pending.lastIndexOf('<', SMALL_RECORD_BYTES) : 0;
    if (end <= 0) return false;
    const piece = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end);
    this.#pieceUnderWay = true;
    this.#socket.write(piece, 'utf8', () => {
      this.#pieceUnderWay = false;
      this.flush();
    });
    return true;
  }

  #flushed(done: (() => void) | undefined): void {
    done?.();
    if (!this.#dropped) this.#owner.outputDrained();
  }
}
