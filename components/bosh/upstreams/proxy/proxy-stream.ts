import type { Socket } from 'node:net';
import type { Logger } from '../../../../shared/observability/types.js';
import { escapeAttribute } from '../../../../shared/xml/escape.js';
import type { Stanza } from '../../../../shared/xml/stanza.js';
import { type StreamHeader, StreamParser } from '../../../../shared/xml/stream-parser.js';
import { NS } from '../../../../shared/xmpp/namespaces.js';
import type { FeaturePolicy } from '../features.js';
import { serverElement } from '../server-element.js';
import type { ClientEnd, ClientHeader, UpstreamEnd, UpstreamEvents, UpstreamStream } from '../upstream.js';
import { connectToFirst, encrypt } from './connect.js';
import type { Target } from './target.js';
import { Undelivered } from './undelivered.js';

/** What may be on its way to a client before the server is made to wait (bytes), and where it may go on. */
const window = 65_536;
/** How long the server may take until its stream is open. */
const openMilliseconds = 30_000;

interface ProxyStreamOptions {
  readonly targets: () => Promise<Target[] | 'host-unknown'>;
  readonly tls: 'verify' | 'encrypt' | 'none';
  readonly ca: string | undefined;
  readonly features: FeaturePolicy;
  readonly stanzaBytes: number;
  readonly log: Logger;
  readonly closed: () => void;
  /** Milliseconds that the server may take until its stream is open; 30 seconds unless a test is in a hurry. */
  readonly patience?: number;
}

/** One client's stream as a TCP connection to the client port of an XMPP server (RFC 6120). */
export class ProxyStream implements UpstreamStream {
  readonly #options: ProxyStreamOptions;
  readonly #events: UpstreamEvents;
  readonly #header: ClientHeader;
  readonly #abort = new AbortController();
  readonly #undelivered = new Undelivered();
  #socket: Socket | undefined;
  #parser: StreamParser | undefined;
  /** `tls`: the server's stream is there for STARTTLS only, the client knows nothing of it. */
  #stage: 'connecting' | 'tls' | 'open' | 'over' = 'connecting';
  #secure = false;
  #count = 0;
  /** Bytes handed on that the client's connection has not taken. */
  #outstanding = 0;
  #paused = false;
  /** XEP-0198 is on: the server keeps what is not acknowledged, and the session when we go. */
  #resumable = false;
  /** The server has answered the header that the client knows of. */
  #isOpen = false;
  #corked = false;
  /** What the client sent before the server's stream was there. */
  readonly #early: string[] = [];
  readonly #openTimer: NodeJS.Timeout;

  constructor(options: ProxyStreamOptions, header: ClientHeader, events: UpstreamEvents) {
    this.#options = options;
    this.#header = header;
    this.#events = events;
    this.#connect().catch((error: unknown) => this.#failed(error));
    const late = () => this.#failed(new Error('the server does not answer'));
    this.#openTimer = setTimeout(late, options.patience ?? openMilliseconds);
  }

  async #connect(): Promise<void> {
    const { tls, ca, targets } = this.#options;
    const found = await targets();
    if (found === 'host-unknown') return this.#end('host-unknown');
    const terms = { domain: this.#header.to, verify: tls === 'verify', ca };
    const { socket, secure } = await connectToFirst(found, terms, this.#abort.signal);
    if (this.#stage === 'over') {
      socket.destroy();
      return;
    }
    this.#secure = secure;
    this.#stage = secure || tls === 'none' ? 'open' : 'tls';
    this.#use(socket);
    // For STARTTLS a stream of XMPP 1.0 is needed, whatever the client speaks.
    this.#sendHeader(this.#stage === 'tls' ? { ...this.#header, version: '1.0' } : this.#header);
  }

  #use(socket: Socket): void {
    this.#socket = socket;
    const parser = new StreamParser(
      {
        streamOpened: (header) => this.#opened(header),
        stanza: (stanza) => this.#stanza(stanza),
        streamClosed: () => this.#end(undefined),
        failed: ({ condition }) => this.#failed(new Error(`the server's stream is not XMPP: ${condition}`)),
      },
      // A server's own limit may be higher than ours for clients (a large roster, a vCard).
      { stanzaBytes: Math.max(4 * this.#options.stanzaBytes, 1_048_576), depth: 256, attributes: 256 },
    );
    this.#parser = parser;
    socket.on('data', (chunk: Buffer) => parser.write(chunk));
    socket.on('drain', () => this.#events.writable());
    socket.on('error', (error) => {
      if (this.#socket === socket) this.#failed(error);
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#failed(new Error('the server closed the connection'));
    });
  }

  #sendHeader({ to, from, version, lang }: ClientHeader): void {
    const optional = (name: string, value: string | undefined) =>
      value === undefined ? '' : ` ${name}='${escapeAttribute(value)}'`;
    this.#socket?.write(
      `<?xml version='1.0'?><stream:stream xmlns='${NS.client}' xmlns:stream='${NS.streams}'` +
        optional('to', to) +
        // RFC 6120 §4.7.1: an account is not named before the stream is protected.
        optional('from', this.#secure ? from : undefined) +
        optional('version', version) +
        optional('xml:lang', lang) +
        '>',
    );
  }

  #opened(header: StreamHeader) {
    this.#isOpen = this.#stage === 'open';
    if (header.name !== 'stream' || header.namespace !== NS.streams) {
      return this.#failed(new Error('the server does not speak XMPP'));
    }
    if (this.#stage !== 'open') return;
    clearTimeout(this.#openTimer);
    const { id, from, version, lang } = header;
    this.#events.opened({ id, from, version, lang });
    const early = this.#early.splice(0);
    if (early.length === 0) return;
    for (const text of early) this.#socket?.write(text);
    this.#events.writable();
  }

  #stanza(stanza: Stanza) {
    if (this.#stage === 'tls') return this.#negotiateTls(stanza);
    if (this.#stage !== 'open') return;
    if (
      stanza.namespace === NS.streamManagement &&
      (stanza.name === 'enabled' || stanza.name === 'resumed')
    ) {
      this.#resumable = true;
    }
    const element = serverElement(stanza, this.#options.features);
    this.#count++;
    if (!this.#resumable) this.#undelivered.add(this.#count, stanza);
    this.#outstanding += element.bytes;
    if (this.#outstanding > window && !this.#paused) {
      this.#paused = true;
      this.#socket?.pause();
    }
    this.#events.element(element);
  }

  #negotiateTls(stanza: Stanza) {
    if (stanza.namespace === NS.streams && stanza.name === 'features') {
      if (!stanza.hasChild('starttls', NS.tls)) return this.#failed(new Error('the server offers no TLS'));
      this.#socket?.write(`<starttls xmlns='${NS.tls}'/>`);
    } else if (stanza.namespace === NS.tls && stanza.name === 'proceed') {
      this.#startTls().catch((error: unknown) => this.#failed(error));
    } else {
      const what = stanza.payload?.name ?? stanza.name;
      // A domain that the server does not have is told apart, since the client can do something about it.
      if (stanza.name === 'error' && what === 'host-unknown') return this.#end('host-unknown');
      this.#failed(new Error(`no TLS with the server: ${what}`));
    }
  }

  async #startTls(): Promise<void> {
    const { tls, ca } = this.#options;
    const plain = this.#socket;
    if (plain === undefined) return;
    // RFC 6120 §5.4.3.3: whatever came in the clear after <proceed/> is not part of the protected stream.
    this.#parser?.stop();
    this.#socket = undefined;
    plain.removeAllListeners('data').removeAllListeners('drain');
    const terms = { domain: this.#header.to, verify: tls === 'verify', ca };
    const secured = await encrypt(plain, terms, this.#abort.signal);
    if (this.#stage === 'over') {
      secured.destroy();
      return;
    }
    this.#secure = true;
    this.#stage = 'open';
    this.#use(secured);
    this.#sendHeader(this.#header);
  }

  send(text: string): boolean {
    const socket = this.#socket;
    if (this.#stage === 'over') return true;
    if (socket === undefined || this.#stage !== 'open' || !this.#isOpen) {
      this.#early.push(text);
      return false;
    }
    if (!this.#corked) {
      // One write for what one request (or one turn) brings.
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    return socket.write(text);
  }

  restart(header: ClientHeader): void {
    if (this.#stage !== 'open') return;
    this.#parser?.restart();
    this.#sendHeader(header);
  }

  taken(bytes: number): void {
    this.#outstanding -= bytes;
    if (this.#paused && this.#outstanding <= window / 2) {
      this.#paused = false;
      this.#socket?.resume();
    }
  }

  acknowledged(count: number): void {
    this.#undelivered.acknowledge(count);
  }

  close(end: ClientEnd): void {
    if (this.#stage === 'over') return;
    const socket = this.#socket;
    const keepSession = this.#resumable && end !== 'closed';
    const open = this.#stage === 'open';
    this.#release();
    if (socket === undefined) return;
    if (keepSession || !open) {
      // No </stream:stream>: the session can be resumed (XEP-0198 §5).
      socket.destroy();
      return;
    }
    socket.end(`${this.#undelivered.takeAnswers()}</stream:stream>`);
    socket.resume();
    // RFC 6120 §4.4: the server may take its time to close its side, but not for ever.
    const giveUp = setTimeout(() => socket.destroy(), 5_000);
    socket.once('close', () => clearTimeout(giveUp));
  }

  #failed(error: unknown): void {
    if (this.#stage === 'over') return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.warn(
      { code: 'bosh.upstream-failed', domain: this.#header.to, stage: this.#stage, reason },
      'a connection to the XMPP server failed',
    );
    this.#end('remote-connection-failed');
  }

  #end(end: UpstreamEnd): void {
    if (this.#stage === 'over') return;
    const socket = this.#socket;
    const answers = end === undefined ? '</stream:stream>' : undefined;
    this.#release();
    if (answers === undefined) socket?.destroy();
    else socket?.end(answers);
    this.#events.ended(end);
  }

  #release(): void {
    this.#stage = 'over';
    this.#abort.abort();
    clearTimeout(this.#openTimer);
    this.#early.length = 0;
    this.#parser?.stop();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.removeAllListeners('data');
    socket?.on('error', () => undefined);
    this.#options.closed();
  }
}
