import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';

interface CompressionOutlets {
  toSocket(bytes: Buffer, done?: () => void): void;
  toParser(bytes: Buffer): void;
  failed(): void;
  /** More than a bounded amount waits to be inflated: stop reading until told otherwise. */
  backlog(full: boolean): void;
}

const SLICE_BYTES = 16 * 1024;
const BACKLOG_BYTES = 64 * 1024;
const nothing = Buffer.alloc(0);

/**
 * zlib under a stream (XEP-0138). Inflates in slices that the parser judges one by one, so a compressed bomb meets the
 * stanza limit after one slice, never a buffer; flushes per write so that nothing waits inside the compressor. While the
 * stream is paused nothing is inflated either: what waits is compressed, and bounded.
 */
export class CompressionLayer {
  readonly #deflate: Deflate;
  readonly #inflate: Inflate;
  readonly #outlets: CompressionOutlets;
  #waiting = 0;

  constructor(outlets: CompressionOutlets) {
    this.#outlets = outlets;
    // windowBits 13 and memLevel 6 take 64 KiB of a stream instead of 256; a finer dictionary gains little on stanzas
    this.#deflate = createDeflate({ windowBits: 13, memLevel: 6, flush: constants.Z_SYNC_FLUSH });
    this.#inflate = createInflate({ chunkSize: SLICE_BYTES, flush: constants.Z_SYNC_FLUSH });
    this.#deflate.on('data', (bytes: Buffer) => outlets.toSocket(bytes));
    this.#deflate.on('error', () => outlets.failed());
    this.#inflate.on('data', (bytes: Buffer) => outlets.toParser(bytes));
    this.#inflate.on('error', () => outlets.failed());
    // an XML stream ends with its closing tag; zlib data that ends before is broken
    this.#inflate.on('end', () => outlets.failed());
  }

  get queuedBytes(): number {
    return this.#deflate.writableLength;
  }

  /** Whether something that came has not reached the parser yet. */
  get hasInput(): boolean {
    return !this.#inflate.destroyed && (this.#waiting > 0 || this.#inflate.readableLength > 0);
  }

  /** `done` is called when the kernel has the compressed text. */
  write(text: string, done?: () => void): void {
    this.#deflate.write(text, 'utf8', () => {
      if (done !== undefined) this.#outlets.toSocket(nothing, done);
    });
  }

  inflate(bytes: Buffer): void {
    if (this.#inflate.destroyed) return;
    this.#waiting += bytes.length;
    if (this.#waiting > BACKLOG_BYTES) this.#outlets.backlog(true);
    this.#inflate.write(bytes, () => {
      const was = this.#waiting;
      this.#waiting -= bytes.length;
      if (was > BACKLOG_BYTES && this.#waiting <= BACKLOG_BYTES) this.#outlets.backlog(false);
    });
  }

  pause(): void {
    this.#inflate.pause();
  }

  resume(): void {
    if (!this.#inflate.destroyed) this.#inflate.resume();
  }

  /** Nothing more is read: what is left of a bomb is not inflated for nobody. */
  stopInput(): void {
    this.#inflate.destroy();
  }

  end(done: () => void): void {
    this.#deflate.flush(constants.Z_SYNC_FLUSH, done);
  }

  destroy(): void {
    this.#deflate.destroy();
    this.#inflate.destroy();
  }
}
