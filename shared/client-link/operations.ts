import { decodeAttribute } from '../xml/decode.js';
import { escapeAttribute } from '../xml/escape.js';
import { NS } from '../xmpp/namespaces.js';

/** The operations of the client link (docs/protocols/client-link.md §5), as both of its ends read and write them. */
export type OperationName = 'open' | 'opened' | 'data' | 'restart' | 'credit' | 'close';

const names: ReadonlySet<string> = new Set(['open', 'opened', 'data', 'restart', 'credit', 'close']);

export interface Operation {
  readonly name: OperationName;
  readonly stream: string;
  /** All attributes but `xmlns`, decoded. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The source of the one element inside `data`; '' for the others. */
  readonly content: string;
}

const streamName = /^[A-Za-z0-9_-]{1,64}$/;
const attributePattern = /([^\s=<>/'"]+)\s*=\s*(?:'([^']*)'|"([^"]*)")/g;

/**
 * Reads the operation in the source of a validated `<message/>`; null where it holds none, or one that breaks §5. The
 * element inside `data` is cut out as it stands: nothing is built from it here.
 */
export function readOperation(source: string): Operation | null {
  const start = source.indexOf('<', endOfTag(source, 0));
  const end = endOfTag(source, start);
  if (start < 0 || end < 0) return null;
  const isEmpty = source.charCodeAt(end - 2) === 0x2f;
  const tag = source.slice(start + 1, isEmpty ? end - 2 : end - 1);
  const space = tag.search(/\s/);
  if (space < 0) return null;
  const name = tag.slice(0, space);
  if (!isOperationName(name)) return null;
  const attributes = new Map<string, string>();
  for (const [, key = '', single, double = ''] of tag.slice(space).matchAll(attributePattern)) {
    if (key !== 'xmlns') attributes.set(key, decodeAttribute(single ?? double));
  }
  const stream = attributes.get('stream');
  if (stream === undefined || !streamName.test(stream)) return null;
  if (name !== 'data') return { name, stream, attributes, content: '' };
  const content = isEmpty ? '' : source.slice(end, source.lastIndexOf('</data')).trim();
  return content.startsWith('<') ? { name, stream, attributes, content } : null;
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

  constructor(from: string, to: string) {
    this.#before = `<message from='${escapeAttribute(from)}' to='${escapeAttribute(to)}'>`;
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
    const news = h === undefined ? '' : ` h='${h}'`;
    return `${this.#before}<data xmlns='${NS.clientLink}' stream='${stream}'${news}>${element}</data></message>`;
  }
}

/** A non-negative integer attribute; undefined where it is absent or not one. */
export function integerOf(operation: Operation, name: string): number | undefined {
  const text = operation.attributes.get(name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
