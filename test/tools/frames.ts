import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';

/** What a client opens its stream with (RFC 7395 §3.4), and closes it (§3.6). */
export const open =
  "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.com' version='1.0' xml:lang='en'/>";
export const close = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

/** A WebSocket client that keeps the frames it gets. */
export class Frames {
  readonly socket: WebSocket;
  readonly frames: string[] = [];
  readonly closed: Promise<number>;
  #wake: () => void = () => undefined;

  constructor(port: number, protocols: string[] = ['xmpp'], headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/xmpp-websocket`, protocols, { headers });
    this.socket.on('message', (data, isBinary) => {
      assert.equal(isBinary, false, '§3.2');
      this.frames.push(String(data));
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => {
        resolve(code);
        this.#wake();
      });
    });
  }

  async frame(index: number): Promise<string> {
    const deadline = setTimeout(() => this.socket.terminate(), 8_000);
    while (this.frames[index] === undefined && this.socket.readyState <= WebSocket.OPEN) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(deadline);
    return this.frames[index] ?? '(closed)';
  }

  /** Until the features have come. */
  async opened(): Promise<this> {
    await once(this.socket, 'open');
    this.socket.send(open);
    await this.frame(1);
    return this;
  }
}
