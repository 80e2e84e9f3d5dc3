import { decodeAttribute } from '../xml/decode.js';
import { escapeAttribute } from '../xml/escape.js';
import { NS } from '../xmpp/namespaces.js';

/** The operations of the client link (docs/protocols/client-link.md §5), as both of its ends read and write them. */
export type OperationName = 'open' | 'opened' | 'data' | 'restart' | 'credit' | 'close';

const names: ReadonlySet<string> = new Set(['open', 'opened', 'data', 'restart', 'credit', 'close']);

export interface Operation {
  readonly name: OperationName;
  readonly stream: string;
  /** The attribute `h` (§7), where it is there and a number. */
  readonly h: number | undefined;
  /** All attributes but `xmlns`, decoded. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The source of the one element inside `data`; '' for the others. */
  readonly content: string;
  /** Size of the content in UTF-8: what it costs in credit. */
  readonly bytes: number;
}

const streamName = /^[A-Za-z0-9_-]{1,64}$/;
const attributePattern = /([^\s=<>/'"]+)\s*=\s*(?:'([^']*)'|"([^"]*)")/g;
const number = /^\d{1,15}$/;

/** An operation as read: most are `data`, of which nobody asks more than `h`, so no map is made until somebody does. */
class ReadOperation implements Operation {
  readonly name: OperationName;
  readonly stream: string;
  readonly h: number | undefined;
  readonly content: string;
  readonly bytes: number;
  readonly #tag: string;

  constructor(
    name: OperationName,
    tag: string,
    found: { stream: string; h: number | undefined },
    content: string,
  ) {
    this.name = name;
    this.stream = found.stream;
    this.h = found.h;
    this.content = content;
    this.bytes = content === '' ? 0 : Buffer.byteLength(content);
    this.#tag = tag;
  }

  get attributes(): ReadonlyMap<string, string> {
    const attributes = new Map<string, string>();
    for (const [, key = '', single, double = ''] of this.#tag.matchAll(attributePattern)) {
      if (key !== 'xmlns') attributes.set(key, decodeAttribute(single ?? double));
    }
    return attributes;
  }
}

/**
 * Reads the operation in the source of a validated `<message/>`; null where it holds none, or one that breaks §5. The
 * element inside `data` is cut out as it stands: nothing is built from it here.
 */
export function readOperation(source: string): Operation | null {
  const start = source.indexOf('<', endOfTag(source, 0));
  const end = endOfTag(source, start);
  if (start < 0 || end < 0) return null;
  const isEmpty = source.charCodeAt(end - 2) === 0x2f;
  const tagEnd = isEmpty ? end - 2 : end - 1;
  let space = start + 1;
  while (space < tagEnd && source.charCodeAt(space) > 0x20) space++;
  const name = source.slice(start + 1, space);
  if (space === tagEnd || !isOperationName(name)) return null;
  const tag = source.slice(space, tagEnd);
  const stream = decodeAttribute(rawAttribute(tag, 'stream') ?? '');
  if (!streamName.test(stream)) return null;
  const h = rawAttribute(tag, 'h');
  const found = { stream, h: h !== undefined && number.test(h) ? Number(h) : undefined };
  if (name !== 'data') return new ReadOperation(name, tag, found, '');
  const content = isEmpty ? '' : source.slice(end, source.lastIndexOf('</data')).trim();
  return content.startsWith('<') ? new ReadOperation(name, tag, found, content) : null;
}

/** The value, undecoded, of an attribute in the text of a validated tag: between values there is no quote. */
function rawAttribute(tag: string, name: string): string | undefined {
  let i = 0;
  for (;;) {
    const equals = tag.indexOf('=', i);
    if (equals < 0) return undefined;
    let open = equals + 1;
    let quote = tag.charCodeAt(open);
    while (quote !== 0x27 && quote !== 0x22) quote = tag.charCodeAt(++open);
    const close = tag.indexOf(quote === 0x27 ? "'" : '"', open + 1);
    let end = equals;
    while (tag.charCodeAt(end - 1) <= 0x20) end--;
    const begin = end - name.length;
    if (begin > 0 && tag.charCodeAt(begin - 1) <= 0x20 && tag.startsWith(name, begin)) {
      return tag.slice(open + 1, close);
    }
    i = close + 1;
  }
}

function isOperationName(name: string): name is OperationName {
  return names.has(name);
}

/** Index after the `>` that ends the tag beginning at `from`; -1 where there is none. A value may hold `>`. */
function endOfTag(text: string, from: number): number {
  let quote = 0;
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quote !== 0) {
      if (c === quote) quote = 0;
    } else if (c === 0x27 || c === 0x22) quote = c;
    else if (c === 0x3e) return i + 1;
  }
  return -1;
}

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes operations for one link: the addresses of its messages are always the same. */
export class OperationWriter {
  readonly #before: string;
  readonly #beforeData: string;

  constructor(from: string, to: string) {
    this.#before = `<message from='${escapeAttribute(from)}' to='${escapeAttribute(to)}'>`;
    this.#beforeData = `${this.#before}<data xmlns='${NS.clientLink}' stream='`;
  }

  /** Any operation but `data`. Attributes that are undefined are left out. */
  write(name: Exclude<OperationName, 'data'>, stream: string, attributes: Attributes = {}): string {
    let text = `${this.#before}<${name} xmlns='${NS.clientLink}' stream='${stream}'`;
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined) continue;
      text += ` ${key}='${typeof value === 'string' ? escapeAttribute(value) : value}'`;
    }
    return `${text}/></message>`;
  }

  /** `data` with one self-contained element; `h` (§7) where there is news of it. */
  data(stream: string, element: string, h?: number): string {
    const news = h === undefined ? "'>" : `' h='${h}'>`;
    return `${this.#beforeData}${stream}${news}${element}</data></message>`;
  }
}

/** A non-negative integer attribute; undefined where it is absent or not one. */
export function integerOf(operation: Operation, name: string): number | undefined {
  const text = operation.attributes.get(name);
  return text !== undefined && number.test(text) ? Number(text) : undefined;
}
