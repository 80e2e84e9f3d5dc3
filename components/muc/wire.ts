import { childElements, clone, type Element } from '../../shared/xml/element.js';
import { escapeAttribute, escapeText } from '../../shared/xml/escape.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';

/** Wire text in parts: what the fan-out sends is `head + address + tail`, so that only the address differs. */
export interface Template {
  readonly head: string;
  readonly tail: string;
}

/** ` name='value'`, or nothing where there is no value. */
export function attribute(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` ${name}='${escapeAttribute(value)}'`;
}

/** `<name>text</name>`, or nothing where there is no text. */
export function textElement(name: string, text: string | undefined): string {
  return text === undefined ? '' : `<${name}>${escapeText(text)}</${name}>`;
}

/** XEP-0359, by the room. */
export function stanzaIdElement(room: { readonly address: string }, id: string): string {
  return `<stanza-id xmlns='${NS.stanzaId}' id='${id}' by='${room.address}'/>`;
}

/** Says who an occupant is by an id that stays when the nickname changes (XEP-0421 §3). */
export function occupantIdElement(id: string): string {
  return `<occupant-id xmlns='${NS.occupantId}' id='${id}'/>`;
}

export interface Item {
  readonly affiliation: string;
  readonly role?: string;
  readonly jid?: string | undefined;
  readonly nick?: string | undefined;
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
}

/** `<item/>` of muc#user and muc#admin. */
export function itemElement(item: Item): string {
  const start = `<item affiliation='${item.affiliation}'${attribute('jid', item.jid)}${attribute('nick', item.nick)}${attribute('role', item.role)}`;
  const inner =
    (item.actor === undefined ? '' : `<actor${attribute('nick', item.actor)}/>`) +
    textElement('reason', item.reason);
  return inner === '' ? `${start}/>` : `${start}>${inner}</item>`;
}

/** `<x/>` of muc#user; status codes in ascending order, as in the examples. */
export function userElement(content: string, statuses: readonly number[] = []): string {
  let codes = '';
  for (const code of [...statuses].sort((a, b) => a - b)) codes += `<status code='${code}'/>`;
  return content + codes === ''
    ? `<x xmlns='${NS.mucUser}'/>`
    : `<x xmlns='${NS.mucUser}'>${content}${codes}</x>`;
}

export interface Start {
  readonly name: 'message' | 'presence';
  /** An attribute's value already. */
  readonly from: string;
  readonly type?: string | undefined;
  readonly id?: string | undefined;
  readonly lang?: string | undefined;
}

/** A message or presence of ours but for the addressee. */
export function template(start: Start, inner: string): Template {
  const head = `<${start.name} from='${start.from}'${attribute('id', start.id)}${attribute('type', start.type)}${attribute('xml:lang', start.lang)} to='`;
  return { head, tail: inner === '' ? "'/>" : `'>${inner}</${start.name}>` };
}

/** With further children before the end tag. */
export function extend(text: Template, name: string, added: string): Template {
  const end = `</${name}>`;
  return text.tail.endsWith(end)
    ? { head: text.head, tail: text.tail.slice(0, -end.length) + added + end }
    : { head: text.head, tail: `${text.tail.slice(0, -2)}>${added}${end}` };
}

/**
 * The children of a stanza that `keep` lets through, as text for a stanza of ours. Prefixes that the stanza's own start
 * tag declares go along with each child. `change` gives what is to stand for a child.
 */
export function innerXml(
  stanza: Stanza,
  keep: (child: Element) => boolean,
  change: (child: Element) => Element = (child) => child,
): string {
  const root = stanza.element;
  const declared = Object.entries(root.attrs).filter(([name]) => name.startsWith('xmlns:'));
  let inner = '';
  for (const child of childElements(root)) {
    if (!keep(child)) continue;
    const changed = change(child);
    if (declared.length === 0) {
      inner += changed.toString();
      continue;
    }
    const copy = clone(changed);
    for (const [name, value] of declared) copy.attrs[name] ??= value;
    inner += copy.toString();
  }
  return inner;
}

/** All of them: without building the tree where the text can be had as it is. */
export function wholeInside(stanza: Stanza): string {
  return sourceInside(stanza) ?? innerXml(stanza, () => true);
}

/**
 * Everything between a stanza's tags, without building its tree: for fan-out. Null where the start tag declares
 * prefixes, which the children may need.
 */
export function sourceInside(stanza: Stanza): string | null {
  const { text } = stanza;
  let quote = '';
  for (let at = 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '>') {
      if (text.lastIndexOf('xmlns:', at) > 0) return null;
      return text.charAt(at - 1) === '/' ? '' : text.slice(at + 1, text.lastIndexOf('</'));
    }
  }
  return null;
}
