import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Stanza } from '../../shared/xml/stanza.js';
import { type StreamHeader, StreamParser } from '../../shared/xml/stream-parser.js';

const WAIT_MILLISECONDS = 5_000;
const LIMITS = { stanzaBytes: 64 * 2 ** 20, depth: 1_000, attributes: 1_000 };

/** Waits for a promise, but not for ever. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  milliseconds = WAIT_MILLISECONDS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Values that come, and who waits for them, in order. */
class Mailbox<T> {
  private readonly values: T[] = [];
  private readonly waiting: ((value: T) => void)[] = [];

  put(value: T): void {
    const waiter = this.waiting.shift();
    if (waiter === undefined) this.values.push(value);
    else waiter(value);
  }

  take(what: string): Promise<T> {
    const value = this.values.shift();
    if (value !== undefined) return Promise.resolve(value);
    return within(new Promise<T>((resolve) => this.waiting.push(resolve)), what);
  }

  get size(): number {
    return this.values.length;
  }
}

/** The server's side of a component stream, moved by a script: it says exactly what a test tells it to. */
export class FakeServer {
  private readonly server: Server;
  private readonly accepted = new Mailbox<FakeStream>();
  private readonly streams: FakeStream[] = [];

  private constructor(tls: TlsOptions | undefined) {
    const accept = (socket: Socket): void => {
      const stream = new FakeStream(socket);
      this.streams.push(stream);
      this.accepted.put(stream);
    };
    this.server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  }

  static async listen(options: { tls?: TlsOptions; port?: number } = {}): Promise<FakeServer> {
    const fake = new FakeServer(options.tls);
    await new Promise<void>((resolve, reject) => {
      fake.server.once('error', reject);
      fake.server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return fake;
  }

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new TypeError('not listening');
    return address.port;
  }

  /** How many connections there have been. */
  get connections(): number {
    return this.streams.length;
  }

  /** The next connection. */
  accept(): Promise<FakeStream> {
    return this.accepted.take('a connection');
  }

  async close(): Promise<void> {
    for (const stream of this.streams) stream.socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** One stream of the fake server. */
export class FakeStream {
  readonly socket: Socket;
  /** All bytes that came, for tests of what is on the wire. */
  raw = '';
  /** Whether the component's stream close is answered with one. */
  answersClose = true;
  private readonly headers = new Mailbox<StreamHeader>();
  private readonly elements = new Mailbox<Stanza>();
  private readonly closes = new Mailbox<'stream' | 'socket'>();
  private readonly blanks = new Mailbox<true>();

  constructor(socket: Socket) {
    this.socket = socket;
    const parser = new StreamParser(
      {
        streamOpened: (header) => this.headers.put(header),
        stanza: (stanza) => this.elements.put(stanza),
        streamClosed: () => {
          this.closes.put('stream');
          if (this.answersClose) socket.end('</stream:stream>');
        },
        failed: (error) => {
          throw new Error(`the component sends bad XML: ${error.condition}: ${error.text}`);
        },
        whitespace: () => this.blanks.put(true),
      },
      LIMITS,
    );
    socket.on('data', (data: Buffer) => {
      this.raw += data.toString('latin1');
      parser.write(data);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.closes.put('socket'));
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }

  header(): Promise<StreamHeader> {
    return this.headers.take('a stream header');
  }

  /** The next first-level element. */
  next(): Promise<Stanza> {
    return this.elements.take('an element');
  }

  /** White space between elements. */
  whitespace(): Promise<true> {
    return this.blanks.take('white space');
  }

  /** The end of the component's stream (`</stream:stream>`), then that of its socket. */
  closed(): Promise<'stream' | 'socket'> {
    return this.closes.take('the end of the stream');
  }

  /** Elements that have come and nobody asked for. */
  get unread(): number {
    return this.elements.size;
  }

  open(id = 'stream-1', from = 'vcard.capulet.lit'): void {
    this.write(
      "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' " +
        `xmlns:stream='http://etherx.jabber.org/streams' from='${from}' id='${id}'>`,
    );
  }

  /** Opens and accepts the stream as a server does, and answers the component's disco#info of the server. */
  async establish(features: readonly string[] = []): Promise<void> {
    await this.header();
    this.open();
    const handshake = await this.next();
    if (handshake.name !== 'handshake') throw new Error(`a ${handshake.name} instead of the handshake`);
    this.write('<handshake/>');
    const disco = await this.next();
    const query = disco.element.getChild('query', 'http://jabber.org/protocol/disco#info');
    if (query === undefined) throw new Error(`${disco.text} instead of disco#info`);
    this.write(
      `<iq type='result' id='${disco.id}' from='${disco.to}' to='${disco.from}'>` +
        "<query xmlns='http://jabber.org/protocol/disco#info'>" +
        `${features.map((feature) => `<feature var='${feature}'/>`).join('')}</query></iq>`,
    );
  }
}
