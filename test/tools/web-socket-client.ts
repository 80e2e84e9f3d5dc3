import { WebSocket } from 'ws';
import { Stanza } from '../../shared/xml/stanza.js';

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';

/** An XMPP client over WebSocket (RFC 7395) that sends what the test says. */
export class WebSocketClient {
  readonly received: Stanza[] = [];
  closed = false;
  readonly #socket: WebSocket;
  #wake: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.received.push(Stanza.parse(data.toString()));
      this.#awaken();
    });
    const over = (): void => {
      this.closed = true;
      this.#awaken();
    };
    socket.on('close', over);
    socket.on('error', over);
  }

  /**
   * Connects, as a proxy that has taken TLS off, opens the stream and logs in by PLAIN; what comes then is up to the test.
   * Rejects when any of it fails.
   */
  static async login(url: string, domain: string, user: string, password: string): Promise<WebSocketClient> {
    const headers = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'https' };
    const client = new WebSocketClient(new WebSocket(url, 'xmpp', { headers }));
    const features = (one: Stanza): boolean => one.name === 'features';
    try {
      await new Promise<void>((resolve, reject) => {
        client.#socket.once('open', () => resolve());
        client.#socket.once('error', reject);
      });
      client.#open(domain);
      await client.stanza(features);
      const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
      client.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
      const answer = await client.stanza((one) => one.namespace === 'urn:ietf:params:xml:ns:xmpp-sasl');
      if (answer.name !== 'success') throw new Error(answer.source);
      client.#open(domain);
      await client.stanza(features);
      return client;
    } catch (error) {
      client.cut();
      throw error;
    }
  }

  send(text: string): void {
    if (!this.closed) this.#socket.send(text);
  }

  /** The first that fits; others stay. Rejects when the connection is over or nothing comes in 10 s. */
  async stanza(fits: (stanza: Stanza) => boolean, milliseconds = 10_000): Promise<Stanza> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const index = this.received.findIndex(fits);
      const [found] = index < 0 ? [] : this.received.splice(index, 1);
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (this.closed || left <= 0) throw new Error(this.closed ? 'the connection is over' : 'nothing came');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  cut(): void {
    this.#socket.terminate();
  }

  #open(domain: string): void {
    this.send(`<open xmlns='${FRAMING}' to='${domain}' version='1.0'/>`);
  }

  #awaken(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
