import type { Socket } from 'node:net';
import { constants, createDeflate, createInflate, type Deflate } from 'node:zlib';
import type { RawClient } from './raw-client.js';

const WAIT_MILLISECONDS = 8000;

/** The client's end of a compressed stream (XEP-0138). */
export class CompressedClient {
  readonly #socket: Socket;
  readonly #deflate: Deflate;
  #text = '';
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#deflate = createDeflate({ flush: constants.Z_SYNC_FLUSH });
    this.#deflate.on('data', (bytes: Buffer) => socket.write(bytes));
    const inflate = createInflate({ flush: constants.Z_SYNC_FLUSH });
    inflate.setEncoding('utf8');
    inflate.on('data', (text: string) => {
      this.#text += text;
      this.#wake();
    });
    inflate.on('error', () => {});
    socket.removeAllListeners('data');
    socket.on('data', (bytes: Buffer) => inflate.write(bytes));
    socket.on('close', () => this.#wake());
  }

  /** Asks for zlib on an authenticated stream and opens the new, compressed stream. */
  static async upgrade(client: RawClient, domain: string): Promise<CompressedClient> {
    client.send("<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>");
    await client.element('compressed');
    const compressed = new CompressedClient(client.socket as Socket);
    compressed.send(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${domain}' version='1.0'>`,
    );
    return compressed;
  }

  send(text: string): void {
    this.#deflate.write(text);
  }

  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Goes on with zlib data made elsewhere: its blocks, without the header that the stream has had already. */
  startOver(zlib: Buffer): void {
    this.#socket.write(zlib.subarray(2));
  }

  /** Everything inflated up to and including `mark`, which is taken away. */
  async until(mark: string): Promise<string> {
    const end = performance.now() + WAIT_MILLISECONDS;
    for (;;) {
      const at = this.#text.indexOf(mark);
      if (at >= 0) {
        const found = this.#text.slice(0, at + mark.length);
        this.#text = this.#text.slice(at + mark.length);
        return found;
      }
      const left = end - performance.now();
      if (left <= 0) throw new Error(`${mark} did not come; so far: ${this.#text.slice(-1000)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  cut(): void {
    this.#socket.destroy();
  }
}
