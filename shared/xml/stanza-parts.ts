import { decodeAttribute } from './decode.js';
import type { Element } from './element.js';
import { escapeAttribute } from './escape.js';
import { isContentNamespace } from './names.js';
import type { Scanner } from './scanner.js';
import { readElement } from './tree.js';
import { writeAttributes, writeContent } from './write.js';

/** What a `Stanza` is made of: its root's attributes at hand, the rest as text. */
export interface StanzaParts {
  readonly name: string;
  /** The root's name as written, with its prefix. */
  readonly qualified: string;
  readonly namespace: string;
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly id: string | undefined;
  readonly type: string | undefined;
  readonly lang: string | undefined;
  /** Source of the other attributes and the namespace declarations, each with a space before it. */
  readonly others: string;
  /** From the end of the root's start tag (`>` or `/>`) on. */
  readonly tail: string;
  /** The whole as received; undefined for what was made here. */
  readonly source: string | undefined;
}

const own: ReadonlySet<string> = new Set(['xmlns', 'to', 'from', 'id', 'type', 'xml:lang']);

/** The parts of the stanza whose end the scanner has just reached. */
export function scannedParts(from: Scanner): StanzaParts {
  let source = from.unit;
  const qualified = from.rootName;
  const namespace = from.rootNamespace;
  let others = '';
  let shift = 0;
  if (from.inheritsDefault || from.scope.used.length > 0) {
    // RFC 6120 §4.8.5: what the stream header declared must travel with the stanza.
    if (from.inheritsDefault) others = ` xmlns='${escapeAttribute(from.defaultNamespace)}'`;
    for (const prefix of from.scope.used) {
      others += ` xmlns:${prefix}='${escapeAttribute(from.scope.streamPrefixes.get(prefix) ?? '')}'`;
    }
    from.scope.leaveUnit();
    const at = 1 + qualified.length;
    source = source.slice(0, at) + others + source.slice(at);
    shift = others.length;
  }
  if (from.needsRewriting) return partsOfTree(readElement(source), from.defaultNamespace);
  const content = isContentNamespace(namespace);
  const { marks, rootAttributes } = from.memory;
  let to: string | undefined;
  let sender: string | undefined;
  let id: string | undefined;
  let type: string | undefined;
  let lang: string | undefined;
  for (let k = 0, m = 0; k < from.rootCount; k++, m += 3) {
    const end = (marks[m + 2] as number) + shift;
    const name = rootAttributes[k];
    if (name === 'to' || name === 'from' || name === 'id' || name === 'type' || name === 'xml:lang') {
      const raw = source.slice((marks[m + 1] as number) + shift, end);
      const value = from.plainRoot ? raw : decodeAttribute(raw);
      if (name === 'to') to = value;
      else if (name === 'from') sender = value;
      else if (name === 'id') id = value;
      else if (name === 'type') type = value;
      else lang = value;
    } else if (name !== 'xmlns' || !content) {
      others += ` ${source.slice((marks[m] as number) + shift, end + 1)}`;
    }
  }
  const colon = qualified.indexOf(':');
  const name = colon < 0 ? qualified : qualified.slice(colon + 1);
  const tail = source.slice(from.rootTagEnd + shift);
  return { name, qualified, namespace, to, from: sender, id, type, lang, others, tail, source };
}

/** The parts of the stanza that a tree stands for, where `inherited` is the default namespace in force around it. */
export function partsOfTree(element: Element, inherited: string): StanzaParts {
  const colon = element.name.indexOf(':');
  const declared: string | undefined = element.attrs['xmlns'];
  const inForce = declared ?? inherited;
  const namespace = colon < 0 ? inForce : (element.findNS(element.name.slice(0, colon)) ?? '');
  const content = isContentNamespace(namespace);
  const qualified = content ? element.name.slice(colon + 1) : element.name;
  const written = content ? namespace : inForce;
  let others = writeAttributes(element, own);
  if (!content && (declared !== undefined || !isContentNamespace(inForce))) {
    others = ` xmlns='${escapeAttribute(inForce)}'${others}`;
  }
  return {
    name: element.name.slice(colon + 1),
    qualified,
    namespace,
    to: given(element.attrs['to']),
    from: given(element.attrs['from']),
    id: given(element.attrs['id']),
    type: given(element.attrs['type']),
    lang: given(element.attrs['xml:lang']),
    others,
    tail: writeContent(element, qualified, inForce, written, content),
    source: undefined,
  };
}

function given(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}
