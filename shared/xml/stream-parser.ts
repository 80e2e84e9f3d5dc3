import { isAscii } from 'node:buffer';
import { decodeAttribute } from './decode.js';
import { detachedCopy, keptNamespace } from './names.js';
import { CLOSE, FAILURE, HEADER, NOTHING, Scanner, STANZA, WHITESPACE } from './scanner.js';
import { Stanza } from './stanza.js';
import type { XmlLimits } from './unit-scanner.js';
import { utf8Prefix } from './utf8.js';

export { STANZA_TOO_BIG, type XmlLimits } from './unit-scanner.js';

/** A stream header (RFC 6120 §4.7), well-formed, otherwise to be judged by who receives it. */
export interface StreamHeader {
  /** Local name, prefix ('' for none) and namespace of the root. */
  readonly name: string;
  readonly prefix: string;
  readonly namespace: string;
  /** The default namespace: the content namespace, where one is declared so ('' without a declaration). */
  readonly defaultNamespace: string;
  /** Prefix declarations, `xmlns` not among them. */
  readonly prefixes: ReadonlyMap<string, string>;
  /** All attributes but namespace declarations, by qualified name, decoded. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly id: string | undefined;
  readonly version: string | undefined;
  /** `xml:lang` */
  readonly lang: string | undefined;
}

export interface StreamParserHandler {
  streamOpened(header: StreamHeader): void;
  /** Each complete first-level element, whatever its namespace. */
  stanza(stanza: Stanza): void;
  /** `</stream:stream>`; what comes after it is ignored. */
  streamClosed(): void;
  /** A stream error condition of RFC 6120 §4.9.3. Called once, and nothing after it. */
  failed(error: { condition: string; text: string }): void;
  /** White space between stanzas was seen (at least once for each chunk that holds some). */
  whitespace?(): void;
}

const nothing: Buffer = Buffer.alloc(0);

/**
 * Bytes in, events out, for one connection: strict UTF-8 (RFC 6120 §11.6), strict XML, limits. The events and the final
 * error are the same however the bytes are cut. A handler may call any method from within its callbacks.
 */
export class StreamParser {
  readonly #handler: StreamParserHandler;
  readonly #scanner: Scanner;
  readonly #kept: boolean;
  /** The chunk at hand, decoded, and how far it is scanned. */
  #text = '';
  #ascii = true;
  #position = 0;
  /** Bytes after the chunk that are the beginning of a character, or, if `#invalid`, not UTF-8. */
  #undecoded: Buffer = nothing;
  #invalid = false;
  #queue: Buffer[] | undefined;
  /** The stream header was an empty-element tag: its end is to be reported. */
  #closing = false;
  #paused = false;
  #stopped = false;
  #running = false;

  /** `kept`: the header is kept for long, as a stream's is, so it must not keep alive the chunk in which it came. */
  constructor(handler: StreamParserHandler, limits: XmlLimits, kept = true) {
    this.#handler = handler;
    this.#kept = kept;
    this.#scanner = new Scanner(limits);
    this.#scanner.reportWhitespace = handler.whitespace !== undefined;
  }

  /** Whether the handler is told of white space between elements: at first, if it can be. */
  reportWhitespace(on: boolean): void {
    this.#scanner.reportWhitespace = on;
  }

  /** A first-level element, or a header, has begun and not come to its end. */
  get unfinished(): boolean {
    return this.#scanner.unitOpen;
  }

  /**
   * Parses the next bytes; keeps them for later while paused. The chunk is the caller's again when this returns. An exception
   * of the handler comes out here.
   */
  write(chunk: Buffer): void {
    if (this.#stopped || chunk.length === 0) return;
    const busy =
      this.#running || this.#paused || this.#queue !== undefined || this.#position < this.#text.length;
    if (busy || this.#invalid || this.#closing) this.#enqueue(Buffer.from(chunk));
    else this.#decode(chunk);
    this.#run();
  }

  #enqueue(chunk: Buffer): void {
    if (this.#queue === undefined) this.#queue = [chunk];
    else this.#queue.push(chunk);
  }

  /** No more events until {@link resume}; input is kept, unparsed. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#run();
  }

  /** Expects a new stream header; what has not been parsed yet belongs to the new stream. */
  restart(): void {
    const rest = this.takeRemainder();
    this.#scanner.restart();
    if (rest.length > 0) this.#enqueue(rest);
    this.#run();
  }

  /** Takes away the bytes that have not become events: what follows `<starttls/>` is for the TLS layer, or an attack. */
  takeRemainder(): Buffer {
    const partial = this.#scanner.takePartial();
    if (
      partial === '' &&
      this.#position >= this.#text.length &&
      this.#undecoded.length === 0 &&
      (this.#queue?.length ?? 0) === 0
    ) {
      this.#dropInput();
      return nothing;
    }
    const parts: Buffer[] = [];
    if (partial !== '') parts.push(Buffer.from(partial, 'utf8'));
    if (this.#position < this.#text.length) parts.push(Buffer.from(this.#text.slice(this.#position), 'utf8'));
    if (this.#undecoded.length > 0) parts.push(this.#undecoded);
    if (this.#queue !== undefined) parts.push(...this.#queue);
    this.#dropInput();
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  setLimits(limits: XmlLimits): void {
    this.#scanner.limits = limits;
  }

  /** No more events, for good. */
  stop(): void {
    this.#stopped = true;
    this.#dropInput();
    this.#scanner.restart();
  }

  /** Makes it as good as new, for another document. Not to be called from within a callback. */
  reset(limits: XmlLimits): void {
    this.#dropInput();
    this.#scanner.begin();
    this.#scanner.limits = limits;
    this.#paused = false;
    this.#stopped = false;
  }

  #dropInput(): void {
    this.#queue = undefined;
    this.#undecoded = nothing;
    this.#invalid = false;
    this.#closing = false;
    this.#release();
  }

  /** Lets go of the chunk: an idle stream must not keep 64 KiB alive. */
  #release(): void {
    this.#text = '';
    this.#position = 0;
    this.#scanner.release();
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#paused && !this.#stopped) {
        if (this.#closing) {
          this.#closing = false;
          this.#handler.streamClosed();
        } else if (this.#position < this.#text.length) {
          this.#step();
        } else {
          this.#release();
          if (this.#invalid) {
            this.#fail('unsupported-encoding', 'not UTF-8');
            return;
          }
          const chunk = this.#queue?.shift();
          if (chunk === undefined) {
            this.#queue = undefined;
            return;
          }
          this.#decode(chunk);
        }
      }
    } finally {
      this.#running = false;
    }
  }

  #decode(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#undecoded.length > 0) {
      bytes = Buffer.concat([this.#undecoded, chunk]);
      this.#undecoded = nothing;
    }
    if (isAscii(bytes)) {
      this.#ascii = true;
      this.#text = bytes.toString('latin1');
    } else {
      // RFC 6120 §4.9.3.22: bytes that violate UTF-8 are <unsupported-encoding/>; all that came before them counts.
      const prefix = utf8Prefix(bytes);
      this.#ascii = false;
      this.#text = bytes.toString('utf8', 0, prefix.length);
      this.#invalid = prefix.invalid;
      if (prefix.length < bytes.length) {
        this.#undecoded = Buffer.from(bytes.subarray(prefix.length));
      }
    }
    this.#position = 0;
  }

  /** Scans to the next event and reports it. All state is settled before the handler is called. */
  #step(): void {
    const scanner = this.#scanner;
    const event = scanner.scan(this.#text, this.#position, this.#ascii);
    this.#position = scanner.position;
    switch (event) {
      case STANZA:
        this.#handler.stanza(Stanza.scanned(scanner));
        break;
      case NOTHING:
        break;
      case HEADER: {
        this.#closing = scanner.closed;
        this.#handler.streamOpened(readHeader(scanner, this.#kept));
        break;
      }
      case CLOSE:
        this.#handler.streamClosed();
        break;
      case WHITESPACE:
        this.#handler.whitespace?.();
        break;
      case FAILURE:
        this.#fail(scanner.problem, scanner.problemText);
        break;
      default:
        throw new Error(`unknown event ${event}`);
    }
  }

  #fail(condition: string, text: string): void {
    this.stop();
    this.#handler.failed({ condition, text });
  }
}

function readHeader(scanner: Scanner, kept: boolean): StreamHeader {
  const attributes = new Map<string, string>();
  const { rootAttributes, marks } = scanner.memory;
  for (let k = 0; k < scanner.rootCount; k++) {
    const name = rootAttributes[k] as string;
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
    const value = decodeAttribute(scanner.unit.slice(marks[k * 3 + 1], marks[k * 3 + 2]));
    attributes.set(name, kept ? detachedCopy(value) : value);
  }
  const colon = scanner.rootName.indexOf(':');
  return {
    name: scanner.rootName.slice(colon + 1),
    prefix: colon < 0 ? '' : scanner.rootName.slice(0, colon),
    namespace: keptNamespace(scanner.rootNamespace),
    defaultNamespace: scanner.defaultNamespace,
    prefixes: scanner.scope.streamPrefixes,
    attributes,
    to: attributes.get('to'),
    from: attributes.get('from'),
    id: attributes.get('id'),
    version: attributes.get('version'),
    lang: attributes.get('xml:lang'),
  };
}
