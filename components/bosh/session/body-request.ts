import { detachedCopy } from '../../../shared/xml/names.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import {
  type StreamHeader,
  StreamParser,
  type StreamParserHandler,
  type XmlLimits,
} from '../../../shared/xml/stream-parser.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { elementToServer } from './element-text.js';

/** The `<body/>` of one request, read (XEP-0124 §"<body/> Wrapper Element"). Attributes are absent where not given. */
export interface BodyRequest {
  readonly sid: string | undefined;
  /** Undefined where it is missing or not a positive integer; infinite where it is 2^53 or more. */
  readonly rid: number | undefined;
  readonly type: string | undefined;
  readonly condition: string | undefined;
  readonly key: string | undefined;
  readonly newkey: string | undefined;
  /** `ack`, `pause`, `hold` and `wait` are NaN where they are not whole numbers. */
  readonly ack: number | undefined;
  readonly pause: number | undefined;
  readonly hold: number | undefined;
  readonly wait: number | undefined;
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly route: string | undefined;
  readonly lang: string | undefined;
  readonly ver: string | undefined;
  readonly content: string | undefined;
  /** `xmpp:version` and `xmpp:restart` (XEP-0206). */
  readonly version: string | undefined;
  readonly restart: boolean;
  /** What it carries, each element self-contained. Let go of once the server has it. */
  payloads: readonly string[];
}

/** Why a body was refused. Its `sid` and `rid` are known if its start tag was good: only that session is to blame. */
export class BodyError {
  readonly condition: 'bad-request' | 'policy-violation';
  /** For the operator. */
  readonly reason: string;
  readonly sid: string | undefined;
  constructor(condition: 'bad-request' | 'policy-violation', reason: string, sid: string | undefined) {
    this.condition = condition;
    this.reason = reason;
    this.sid = sid;
  }
}

/** Of a body larger than this (bytes) nothing may stay alive but what is asked for. */
const worthCopying = 1024;

const byteOrderMark = [0xef, 0xbb, 0xbf];

/** How large a body, in bytes, and each element in it may be. */
interface BodyLimits {
  readonly bodyBytes: number;
  readonly element: XmlLimits;
}

/** Parsers that are kept for the next body: more than one is at work only where bodies come in pieces. */
const mostIdle = 16;
const idle: LentParser[] = [];

/** A parser that serves one body after the other: making one costs as much as parsing a small body. */
class LentParser {
  readonly parser: StreamParser;
  #handler: StreamParserHandler | undefined;

  constructor(limits: XmlLimits) {
    this.parser = new StreamParser(
      {
        streamOpened: (header) => this.#handler?.streamOpened(header),
        stanza: (stanza) => this.#handler?.stanza(stanza),
        streamClosed: () => this.#handler?.streamClosed(),
        failed: (error) => this.#handler?.failed(error),
      },
      limits,
      false,
    );
  }

  static lend(handler: StreamParserHandler, limits: XmlLimits): LentParser {
    const lent = idle.pop() ?? new LentParser(limits);
    lent.#handler = handler;
    lent.parser.reset(limits);
    return lent;
  }

  /** It is never used again by who had it. */
  giveBack(): void {
    this.#handler = undefined;
    if (idle.length < mostIdle) idle.push(this);
  }
}

/** Reads one body, as it comes in, through the strict parser: no more is kept than the limits allow. */
export class BodyReader implements StreamParserHandler {
  readonly #limits: BodyLimits;
  /** Until the body has ended without an error. */
  #lent: LentParser | undefined;
  #payloads: string[] = [];
  #bytes = 0;
  /** Characters of the payloads, with what each has inherited. */
  #written = 0;
  /** Bytes of a byte order mark that have been seen; all of them when there is none. */
  #marked = 0;
  #header: StreamHeader | undefined;
  #closed = false;
  #error: BodyError | undefined;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#lent = LentParser.lend(this, limits.element);
  }

  streamOpened(header: StreamHeader): void {
    this.#header = header;
    if (header.name !== 'body' || header.namespace !== NS.httpBind) {
      this.#refuse('bad-request', 'not a body of the namespace httpbind');
    }
  }

  streamClosed(): void {
    this.#closed = true;
    const rest = this.#lent?.parser.takeRemainder();
    if (rest !== undefined) this.#afterRoot(rest);
  }

  failed({ condition, text }: { condition: string; text: string }): void {
    const isPolicy = condition === 'policy-violation';
    this.#refuse(isPolicy ? 'policy-violation' : 'bad-request', `${condition}: ${text}`);
  }

  /** Takes the next bytes; false when the rest need not be read since the body is refused. */
  write(chunk: Buffer): boolean {
    const parser = this.#lent?.parser;
    if (this.#error !== undefined || parser === undefined) return false;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.bodyBytes) this.#refuse('policy-violation', 'body too big');
    else if (this.#closed) this.#afterRoot(chunk);
    else parser.write(this.#marked < byteOrderMark.length ? this.#withoutMark(chunk) : chunk);
    return this.#error === undefined;
  }

  /** XML §4.3.3: a byte order mark is a signature of the encoding and not part of the document. */
  #withoutMark(chunk: Buffer): Buffer {
    let at = 0;
    while (at < chunk.length && chunk[at] === byteOrderMark[this.#marked]) {
      at++;
      this.#marked++;
    }
    if (at === chunk.length || this.#marked === byteOrderMark.length) return chunk.subarray(at);
    if (this.#marked > 0) this.#refuse('bad-request', 'half a byte order mark');
    this.#marked = byteOrderMark.length;
    return chunk;
  }

  /** The body is complete. */
  end(): BodyRequest | BodyError {
    if (this.#error === undefined && (this.#header === undefined || !this.#closed)) {
      this.#refuse('bad-request', 'incomplete');
    }
    const header = this.#header;
    if (this.#error !== undefined || header === undefined) {
      return this.#error ?? new BodyError('bad-request', 'no body', undefined);
    }
    // One that was refused may be in the middle of anything: it is not used again.
    this.#lent?.giveBack();
    this.#lent = undefined;
    const payloads = this.#payloads;
    // The listeners of a request that is held keep its reader: let that be all.
    this.#payloads = [];
    this.#header = undefined;
    return readAttributes(header, payloads, this.#bytes > worthCopying);
  }

  /** XML §2.8 [27]: only white space may follow the root (comments and PIs are forbidden here). */
  #afterRoot(bytes: Buffer): void {
    if (!isWhiteSpace(bytes)) this.#refuse('bad-request', 'text after the body');
  }

  stanza(stanza: Stanza): void {
    if (this.#error !== undefined) return;
    const text = elementToServer(stanza, this.#header?.lang);
    // What it inherited from the body has been written into it.
    this.#written += text.length;
    if (isLonger(text, this.#limits.element.stanzaBytes)) this.#refuse('policy-violation', 'stanza too big');
    // Or a few bytes could be any number of them: a long name of a namespace, and many elements that use it.
    else if (this.#written > this.#limits.bodyBytes) this.#refuse('policy-violation', 'body too big');
    else this.#payloads.push(text);
  }

  #refuse(condition: 'bad-request' | 'policy-violation', reason: string): void {
    this.#error ??= new BodyError(condition, reason, this.#header?.attributes.get('sid'));
    this.#lent?.parser.stop();
  }
}

/** Whether a text has more bytes (UTF-8) than that. */
function isLonger(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes);
}

function isWhiteSpace(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

/**
 * `detached`: the texts are copies. As they are read they are parts of the body's text and keep all of it alive, as long as a
 * request is held, or a session lives.
 */
function readAttributes(header: StreamHeader, payloads: readonly string[], detached: boolean): BodyRequest {
  const { attributes } = header;
  const own = (text: string | undefined) => (detached && text !== undefined ? detachedCopy(text) : text);
  const text = (name: string) => own(attributes.get(name));
  const rid = wholeNumber(attributes.get('rid'));
  const extended = (name: string) => {
    for (const [prefix, namespace] of header.prefixes) {
      // Several prefixes may stand for it.
      const value = namespace === NS.xbosh ? attributes.get(`${prefix}:${name}`) : undefined;
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const restart = extended('restart');
  return {
    sid: text('sid'),
    rid: rid !== undefined && rid > 0 ? rid : undefined,
    type: text('type'),
    condition: text('condition'),
    key: text('key'),
    newkey: text('newkey'),
    ack: wholeNumber(attributes.get('ack')),
    pause: wholeNumber(attributes.get('pause')),
    hold: wholeNumber(attributes.get('hold')),
    wait: wholeNumber(attributes.get('wait')),
    to: text('to'),
    from: text('from'),
    route: text('route'),
    lang: own(header.lang),
    ver: text('ver'),
    content: text('content'),
    version: own(extended('version')),
    restart: restart === 'true' || restart === '1',
    payloads,
  };
}

/** XEP-0124 §"Request IDs": no number above 2^53 - 1 can be told from its neighbours, so all of them are beyond any bound. */
function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) return Number.NaN;
  const value = Number(text);
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.POSITIVE_INFINITY;
}
