import { creditWindow, ReceiveCredit, SendCredit } from '../../shared/client-link/credit.js';
import { integerOf, type Operation } from '../../shared/client-link/operations.js';
import type { Element } from '../../shared/xml/element.js';
import type { StreamHeader, XmlLimits } from '../../shared/xml/stream-parser.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StreamError, type StreamErrorCondition } from '../../shared/xmpp/stream-error.js';
import type { Session } from '../sessions/session.js';
import {
  type OutgoingHeader,
  silentHandler,
  type Transport,
  type TransportHandler,
} from '../streams/transport.js';
import { readElement, toSelfContained } from './elements.js';
import type { ClientLink } from './link.js';

/** How long the front may take to say what its client has got, once we have closed (§8: its own limit is 30 s). */
const closeMilliseconds = 35_000;
/** Said for a stream that has no credit left, so that its session keeps what it has in its own queue. */
const full = Number.MAX_SAFE_INTEGER;

interface LinkTransportOptions {
  readonly name: string;
  readonly address: string;
  readonly secure: boolean;
  /** What the front lets us send at first. */
  readonly credit: number;
  readonly limits: XmlLimits;
  /** Sustained input, after which no more credit is granted for a while; 0 = unlimited. */
  readonly bytesPerSecond: number;
  /** Called once, when the stream is over. */
  readonly gone: () => void;
}

/** One client's stream on the client link (docs/protocols/client-link.md), at the server's end. */
export class LinkTransport implements Transport {
  readonly kind = 'client-link';
  readonly tls = null;
  readonly compressed = false;
  readonly name: string;
  readonly remoteAddress: string;
  readonly secure: boolean;
  handler: TransportHandler = silentHandler;
  /** The session that this stream is lent to; whose sent stanzas are kept until the front acknowledges them (§7). */
  session: Session | null = null;
  readonly #link: ClientLink;
  #limits: XmlLimits;
  readonly #send: SendCredit;
  readonly #receive = new ReceiveCredit(creditWindow);
  readonly #rate: Rate;
  readonly #onGone: () => void;
  /** `closing`: we have sent `close` and wait for the front's. */
  #state: 'open' | 'closing' | 'gone' = 'open';
  #headerSent = false;
  /** Elements without credit, or without room on the link. */
  readonly #waiting: string[] = [];
  #afterFlush: (() => void)[] = [];
  /** Operations of the client while paused. */
  readonly #held: Operation[] = [];
  #paused = false;
  /** Number of the last `data` sent, and for those not acknowledged how many of the session's stanzas were sent by then. */
  #sent = 0;
  #acknowledged = 0;
  readonly #stanzasBy: number[] = [];
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(link: ClientLink, options: LinkTransportOptions) {
    this.#link = link;
    this.name = options.name;
    this.remoteAddress = options.address;
    this.secure = options.secure;
    this.#limits = options.limits;
    this.#onGone = options.gone;
    this.#send = new SendCredit(options.credit);
    this.#rate = new Rate(options.bytesPerSecond, (bytes) => this.#grant(bytes));
  }

  get queuedBytes(): number {
    return this.#send.available && !this.#link.congested && this.#waiting.length === 0 ? 0 : full;
  }

  // ---- what the stream above asks for

  sendHeader(header: OutgoingHeader): void {
    this.#headerSent = true;
    if (this.#state !== 'open') return;
    this.#link.control('opened', this.name, {
      id: header.id,
      from: header.from,
      version: header.version,
      'xml:lang': header.lang,
    });
  }

  send(text: string): void {
    if (this.#state !== 'open') return;
    for (const element of toSelfContained(text)) {
      this.#waiting.push(element);
      this.#sent++;
      this.#stanzasBy.push(this.session?.outbound.sentCount ?? 0);
    }
    this.#write();
  }

  /** Sends what waits, as far as credit and the link allow. True: there is room for more. */
  #write(): boolean {
    while (this.#waiting.length > 0) {
      if (!this.#send.available) return false;
      if (this.#link.congested) {
        this.#link.waitForRoom(this);
        return false;
      }
      const element = this.#waiting.shift() ?? '';
      this.#send.spend(Buffer.byteLength(element));
      this.#link.data(this.name, element);
    }
    if (this.#afterFlush.length > 0) this.#link.afterFlush(this.#afterFlush.splice(0));
    return this.#send.available && !this.#link.congested;
  }

  /** There may be room on the link, or credit, again. */
  proceed(): void {
    if (this.#state === 'open' && this.#write()) this.handler.drained();
  }

  afterFlush(callback: () => void): void {
    if (this.#state === 'gone') return;
    this.#afterFlush.push(callback);
    this.#write();
  }

  expectRestart(): void {
    this.#headerSent = false;
  }

  setLimits(limits: XmlLimits): void {
    this.#limits = limits;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused) {
      const next = this.#held.shift();
      if (next === undefined) return;
      this.#receiveNow(next);
    }
  }

  close(): void {
    this.#close();
  }

  fail(condition: StreamErrorCondition, text?: string, application?: Element): void {
    if (this.#state !== 'open') return;
    if (!this.#headerSent) this.sendHeader({ contentNamespace: NS.client, version: '1.0' });
    // The last words are said whatever the credit: nothing follows them.
    this.#dropWaiting();
    this.#link.data(this.name, new StreamError(condition, { text, application }).toText(true));
    this.#sent++;
    this.#close();
  }

  destroy(): void {
    if (this.#state === 'gone') return;
    if (this.#state === 'open') this.#link.control('close', this.name);
    this.lose('destroyed');
  }

  #close(condition?: string): void {
    if (this.#state !== 'open') return;
    this.#dropWaiting();
    this.#state = 'closing';
    this.#held.length = 0;
    this.#link.control('close', this.name, { condition });
    this.#closeTimer = setTimeout(() => this.lose('close timed out'), closeMilliseconds);
    this.#closeTimer.unref();
  }

  /** What was not sent is not numbered either; the session has it still and hands it on. */
  #dropWaiting(): void {
    const count = this.#waiting.splice(0).length;
    this.#sent -= count;
    if (count > 0) this.#stanzasBy.splice(-count);
  }

  // ---- what comes from the front

  receive(operation: Operation): void {
    if (this.#state === 'gone') return;
    switch (operation.name) {
      case 'credit':
        this.#acknowledge(operation);
        this.#send.grant(integerOf(operation, 'bytes') ?? 0);
        return this.proceed();
      case 'close':
        // what came before it is heard before it
        if (this.#state !== 'open' || (!this.#paused && this.#held.length === 0))
          return this.#closedByFront(operation);
        break;
      case 'data':
        if (this.#state === 'closing') return;
        this.#acknowledge(operation);
        // §6: without credit. Counted as it comes, also while paused.
        if (!this.#receive.receive(operation.bytes)) return this.#violated();
        break;
      case 'restart':
        break;
      default:
        return this.#violated();
    }
    if (this.#state === 'closing') return;
    if (this.#paused || this.#held.length > 0) this.#held.push(operation);
    else this.#receiveNow(operation);
  }

  #receiveNow(operation: Operation) {
    if (operation.name === 'restart') return this.opened(operation);
    if (operation.name === 'close') return this.#closedByFront(operation);
    const stanza = readElement(operation.content, this.#limits);
    if (typeof stanza === 'string') this.#fail(stanza);
    else if (stanza.namespace === NS.streams && stanza.name === 'error')
      this.#fail('unsupported-stanza-type');
    else this.handler.stanzaReceived(stanza);
    if (this.#state === 'open') this.#rate.dispose(operation.bytes);
  }

  /** An error of ours that the stream above must hear of too. */
  #fail(condition: StreamErrorCondition): void {
    this.fail(condition);
    this.handler.lost(condition);
  }

  /** `open` and `restart`: the client's stream header. */
  opened({ attributes }: Operation): void {
    this.handler.streamOpened(headerOf(attributes));
  }

  #grant(bytes: number): void {
    const grant = this.#receive.dispose(bytes);
    if (grant > 0 && this.#state === 'open') this.#link.control('credit', this.name, { bytes: grant });
  }

  /** §7: what has reached the client need not be kept. A client with XEP-0198 says that itself. */
  #acknowledge(operation: Operation): void {
    const { h } = operation;
    if (h === undefined || h <= this.#acknowledged || h > this.#sent) return;
    const settled = this.#stanzasBy.splice(0, h - this.#acknowledged).at(-1) ?? 0;
    this.#acknowledged = h;
    const { session } = this;
    if (session === null || session.ended || session.onSent !== null) return;
    const count = settled - session.outbound.acknowledgedCount;
    if (count > 0) session.outbound.acknowledge(count);
  }

  #closedByFront(operation: Operation): void {
    this.#acknowledge(operation);
    const condition = operation.attributes.get('condition');
    const wasOpen = this.#state === 'open';
    if (wasOpen) this.#link.control('close', this.name);
    this.#state = 'closing';
    if (condition === undefined && wasOpen) this.handler.streamClosed();
    this.lose(condition ?? 'closed');
  }

  #violated(): void {
    this.#close('policy-violation');
    this.handler.lost('broke the rules of the client link');
  }

  /** The stream is over; the link may be too. */
  lose(reason: string): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    clearTimeout(this.#closeTimer);
    this.#rate.stop();
    this.#waiting.length = 0;
    this.#held.length = 0;
    this.#afterFlush.length = 0;
    this.#link.gone(this);
    this.#onGone();
    this.handler.lost(reason);
  }
}

const prefixes: ReadonlyMap<string, string> = new Map([['stream', NS.streams]]);

/** The stream header that a client would have sent over TCP. */
function headerOf(attributes: ReadonlyMap<string, string>): StreamHeader {
  const header = {
    to: attributes.get('to'),
    from: attributes.get('from'),
    id: undefined,
    version: attributes.get('version'),
    lang: attributes.get('xml:lang'),
  };
  return {
    name: 'stream',
    prefix: 'stream',
    namespace: NS.streams,
    defaultNamespace: NS.client,
    prefixes,
    attributes: new Map(),
    ...header,
  };
}

/** Grants credit at no more than a rate: a bucket of two seconds' worth, as for sockets. */
class Rate {
  readonly #perSecond: number;
  readonly #grant: (bytes: number) => void;
  #allowance: number;
  #since = performance.now();
  #late = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(perSecond: number, grant: (bytes: number) => void) {
    this.#perSecond = perSecond;
    this.#allowance = perSecond * 2;
    this.#grant = grant;
  }

  dispose(bytes: number): void {
    if (this.#perSecond === 0) return this.#grant(bytes);
    const now = performance.now();
    const earned = ((now - this.#since) / 1000) * this.#perSecond;
    this.#allowance = Math.min(this.#perSecond * 2, this.#allowance + earned) - bytes;
    this.#since = now;
    if (this.#allowance >= 0 && this.#timer === undefined) return this.#grant(bytes);
    this.#late += bytes;
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        const late = this.#late;
        this.#late = 0;
        this.#grant(late);
      },
      Math.ceil((Math.max(1, -this.#allowance) / this.#perSecond) * 1000),
    ).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
