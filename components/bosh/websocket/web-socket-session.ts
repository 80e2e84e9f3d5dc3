import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { prepareDomain } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import {
  isStreamErrorCondition,
  StreamError,
  type StreamErrorCondition,
} from '../../../shared/xmpp/stream-error.js';
import { type AtEndOfTurn, atEndOfTurn } from '../session/end-of-turn.js';
import { restartHeader } from '../session/stream-header.js';
import type {
  ClientEnd,
  ClientHeader,
  ClientOrigin,
  ServerElement,
  ServerHeader,
  Upstream,
  UpstreamEnd,
  UpstreamStream,
} from '../upstreams/upstream.js';
import { FrameReader, writeClose, writeOpen } from './framing.js';

/** Times in milliseconds. */
const openMilliseconds = 15_000;
const closeMilliseconds = 5_000;
/** What a client has not read, beside its window, when it gets no more pongs. */
const mostUnreadBytes = 131_072;

interface WebSocketSessionOptions {
  readonly socket: WebSocket;
  /** The connection under it. */
  readonly connection: Duplex;
  readonly origin: ClientOrigin;
  readonly upstream: Upstream;
  /** How often a ping asks whether the client is still there, in seconds. */
  readonly pingSeconds: number;
  /** Where clients that came without TLS are sent; undefined: they are welcome. */
  readonly secureUri: string | undefined;
  readonly over: (session: WebSocketSession, why: string) => void;
  /** A frame met a defect of ours. */
  readonly defect: (error: unknown) => void;
}

/** One XMPP stream over one WebSocket connection (RFC 7395). */
export class WebSocketSession implements AtEndOfTurn {
  readonly origin: ClientOrigin;
  readonly #options: WebSocketSessionOptions;
  readonly #socket: WebSocket;
  readonly #reader: FrameReader;
  #stream: UpstreamStream | undefined;
  /** The client's first `<open/>`; its domain stays the stream's. */
  #header: ClientHeader | undefined;
  /** `<open/>` has been sent: a stream error must not come before one (§3.5). */
  #answered = false;
  #gathering = false;
  #count = 0;
  #over = false;
  #closing = false;
  #alive = true;
  #timer: NodeJS.Timeout;

  constructor(options: WebSocketSessionOptions) {
    this.#options = options;
    this.origin = options.origin;
    this.#socket = options.socket;
    this.#reader = new FrameReader(options.upstream.limits);
    const { socket } = options;
    socket.on('message', (data, isBinary) => {
      try {
        this.#frame(data, isBinary);
      } catch (error) {
        options.defect(error);
        this.fail('internal-server-error');
      }
    });
    socket.on('ping', (data) => {
      this.#alive = true;
      // RFC 6455 §5.5.3 lets some go unanswered: those of a client that does not read would wait here without bound.
      if (socket.bufferedAmount < mostUnreadBytes) socket.pong(data);
    });
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('error', () => undefined);
    // §3.6: a connection that breaks closes the stream, unless XEP-0198 can resume the session.
    socket.on('close', () => this.#end('connection-lost', 'the connection was closed'));
    this.#timer = setTimeout(() => this.fail('connection-timeout', 'no <open/> came'), openMilliseconds);
  }

  /** Ends the session by a stream error that is ours (§3.5). */
  fail(condition: StreamErrorCondition, text?: string, end: ClientEnd = 'bad-request'): void {
    if (this.#over) return;
    this.#sayOpen();
    this.#write(new StreamError(condition, { text }).toText(true));
    this.#end(end, condition);
    this.#close();
  }

  #frame(data: RawData, isBinary: boolean) {
    if (this.#closing) {
      // After our <close/> only the client's own is waited for.
      this.#socket.close(1000);
      return;
    }
    if (isBinary || !Buffer.isBuffer(data))
      return this.fail('unsupported-encoding', 'binary frames are not XMPP');
    this.#alive = true;
    const element = this.#reader.read(data);
    if (!('source' in element)) {
      const condition = isStreamErrorCondition(element.condition) ? element.condition : 'bad-format';
      return this.fail(condition, element.text);
    }
    if (element.namespace === NS.framing && element.name === 'open') return this.#open(element);
    if (element.namespace === NS.framing && element.name === 'close') return this.#closedByClient();
    // §3.3.2; and a stanza without a namespace is no standalone document (§3.3.3).
    if (element.namespace === '' || element.name === 'open' || element.name === 'close') {
      return this.fail('invalid-namespace', 'the namespace is missing or wrong');
    }
    if (this.#stream === undefined) return this.fail('bad-format', 'the first frame must be <open/>');
    if (!this.#stream.send(element.source)) this.#socket.pause();
  }

  #open(element: Stanza) {
    const { upstream, secureUri } = this.#options;
    const { from, lang } = element;
    const version = element.attribute('version');
    if (this.#stream !== undefined && this.#header !== undefined) {
      // §3.7: a restart.
      const header = restartHeader(this.#header, { to: element.to, from, version, lang });
      if (header === undefined) return this.fail('host-unknown');
      this.#stream.restart(header);
      return;
    }
    if (secureUri !== undefined && !this.origin.secure) {
      this.#write(writeClose(secureUri));
      this.#end('closed', 'see-other-uri');
      this.#finish();
      return;
    }
    if (element.to === undefined) return this.fail('improper-addressing', 'the domain is missing');
    const to = prepareDomain(element.to);
    if (to === null || !upstream.serves(to)) return this.fail('host-unknown');
    if (!upstream.ready) return this.fail('remote-connection-failed');
    this.#header = { to, from, version, lang };
    clearTimeout(this.#timer);
    this.#stream = upstream.open(this.#header, this.origin, {
      opened: (header) => this.#opened(header),
      element: (one) => this.#element(one),
      writable: () => this.#socket.resume(),
      ended: (end) => this.#endedByServer(end),
    });
    this.#timer = setInterval(() => this.#ping(), this.#options.pingSeconds * 1000);
  }

  #opened(header: ServerHeader): void {
    this.#answered = true;
    this.#write(writeOpen(header));
  }

  #element({ kind, text, bytes }: ServerElement): void {
    if (this.#over) return;
    this.#sayOpen();
    const number = ++this.#count;
    this.#gather();
    this.#socket.send(text, (error) => {
      if (error !== undefined && error !== null) return;
      this.#stream?.taken(bytes);
      this.#stream?.acknowledged(number);
    });
    // §3.5: fatal, and the stream is closed after it, whether the server gets round to that or not.
    if (kind === 'error') this.#endedByServer(undefined);
  }

  /** What the server sends together leaves in one write. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#options.connection.cork();
    atEndOfTurn(this);
  }

  endOfTurn(): void {
    this.#gathering = false;
    this.#options.connection.uncork();
  }

  #endedByServer(end: UpstreamEnd): void {
    if (this.#over) return;
    if (end !== undefined) {
      this.#sayOpen();
      this.#write(new StreamError(isStreamErrorCondition(end) ? end : 'undefined-condition').toText(true));
    }
    // The server waits to hear what the client has got: written frames count, so they are let out first.
    this.#write(writeClose(), () => this.#stream?.close('closed'));
    this.#end(undefined, end ?? 'ended by the server');
    this.#finish();
  }

  #closedByClient(): void {
    this.#write(writeClose());
    this.#end('closed', 'closed by the client');
    this.#finish();
  }

  #close(): void {
    this.#write(writeClose());
    this.#finish();
  }

  /** §3.6: the other side answers, or closes the connection, or is helped along after a while. */
  #finish(): void {
    this.#closing = true;
    const socket = this.#socket;
    socket.resume();
    const giveUp = setTimeout(() => {
      socket.close(1000);
      socket.terminate();
    }, closeMilliseconds);
    socket.once('close', () => clearTimeout(giveUp));
  }

  /** §3.5: an error while the stream is being opened comes after an `<open/>`. */
  #sayOpen(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#write(
      writeOpen({
        id: randomBytes(12).toString('base64url'),
        from: this.#header?.to,
        version: '1.0',
        lang: 'en',
      }),
    );
  }

  #write(text: string, written?: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(text, written === undefined ? undefined : () => written());
  }

  /** §3.8: whether the client is there, by ping frames, since white space is not allowed. */
  #ping(): void {
    if (this.#socket.isPaused) return;
    if (!this.#alive) {
      this.#end('connection-lost', 'no answer to a ping');
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }

  #end(end: ClientEnd | undefined, why: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    if (end !== undefined) this.#stream?.close(end);
    this.#options.over(this, why);
  }

  /** This process stops. */
  shutdown(): void {
    this.fail('system-shutdown', undefined, 'system-shutdown');
  }
}
