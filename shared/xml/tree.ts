import { decodeAttribute, decodeText, normaliseLines } from './decode.js';
import { type Attributes, Element } from './element.js';

/**
 * Reading source that the scanner has validated: nothing is checked again here. `]]>`, quotes and tags can be relied on.
 */

const GT = 0x3e;
const SLASH = 0x2f;
const BANG = 0x21;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;

/** Index after the name that begins at `at` (of an element or an attribute). */
function nameEnd(source: string, at: number): number {
  let i = at;
  for (;;) {
    const c = source.charCodeAt(i);
    if (c <= 0x20 || c === GT || c === SLASH || c === EQUALS) return i;
    i++;
  }
}

function skipSpace(source: string, at: number): number {
  let i = at;
  while (source.charCodeAt(i) <= 0x20) i++;
  return i;
}

/**
 * Calls `take` with the name and the undecoded value of each attribute from index `at` in a tag, until it answers true
 * or the tag (or the text) ends. Answers the index of what ended it ('>' or '/').
 */
export function readAttributes(
  source: string,
  at: number,
  take: (name: string, value: string) => boolean,
): number {
  let i = skipSpace(source, at);
  for (;;) {
    const c = source.charCodeAt(i);
    if (c === GT || c === SLASH || i >= source.length) return i;
    const end = nameEnd(source, i);
    const name = source.slice(i, end);
    i = end;
    let quote = source.charCodeAt(i);
    while (quote !== QUOTE && quote !== APOSTROPHE) quote = source.charCodeAt(++i);
    const close = source.indexOf(quote === QUOTE ? '"' : "'", i + 1);
    if (take(name, source.slice(i + 1, close))) return i;
    i = skipSpace(source, close + 1);
  }
}

/** The undecoded value of an attribute in a tag, searched from index `at`. */
export function attributeSource(source: string, at: number, name: string): string | undefined {
  let found: string | undefined;
  readAttributes(source, at, (candidate, value) => {
    if (candidate !== name) return false;
    found = value;
    return true;
  });
  return found;
}

/** Index of the '>' that ends the tag in which `at` lies, outside attribute values. */
function tagEnd(source: string, at: number): number {
  let i = at;
  for (;;) {
    const c = source.charCodeAt(i);
    if (c === GT) return i;
    if (c === QUOTE) i = source.indexOf('"', i + 1);
    else if (c === APOSTROPHE) i = source.indexOf("'", i + 1);
    i++;
  }
}

/** What a child element is, without a tree. */
export interface ChildName {
  readonly name: string;
  readonly namespace: string;
}

/**
 * The elements directly in the content that begins at index `at` (after a start tag), up to `most` of them.
 * `inherited` answers the namespace of a prefix (or of '') that the child does not declare itself. `attributes` is given the
 * index at which the attributes of each begin.
 */
export function readChildNames(
  source: string,
  at: number,
  most: number,
  inherited: (prefix: string) => string,
  attributes?: number[],
): ChildName[] {
  const found: ChildName[] = [];
  let depth = 0;
  let i = source.indexOf('<', at);
  while (i >= 0) {
    const c = source.charCodeAt(i + 1);
    if (c === SLASH) {
      if (depth === 0) break;
      depth--;
      i = source.indexOf('<', i + 2);
    } else if (c === BANG) {
      i = source.indexOf('<', source.indexOf(']]>', i + 9));
    } else {
      const end = nameEnd(source, i + 1);
      if (depth === 0) {
        const qualified = source.slice(i + 1, end);
        const colon = qualified.indexOf(':');
        const prefix = colon < 0 ? '' : qualified.slice(0, colon);
        const own = attributeSource(source, end, colon < 0 ? 'xmlns' : `xmlns:${prefix}`);
        const namespace = own === undefined ? inherited(prefix) : decodeAttribute(own);
        found.push({ name: qualified.slice(colon + 1), namespace });
        attributes?.push(end);
        if (found.length >= most) break;
      }
      const close = tagEnd(source, end);
      if (source.charCodeAt(close - 1) !== SLASH) depth++;
      i = source.indexOf('<', close);
    }
  }
  return found;
}

/** Adds the attributes of a tag, from index `at`, to `attributes`; answers the index of '>' or '/'. */
export function readInto(source: string, at: number, attributes: Record<string, string>): number {
  return readAttributes(source, at, (name, value) => {
    // A legal name in XML, but no ordinary property in JavaScript.
    if (name === '__proto__') {
      const descriptor = {
        value: decodeAttribute(value),
        enumerable: true,
        configurable: true,
        writable: true,
      };
      Object.defineProperty(attributes, name, descriptor);
    } else {
      attributes[name] = decodeAttribute(value);
    }
    return false;
  });
}

function newElement(name: string, attributes: Attributes): Element {
  const element = new Element(name);
  element.attrs = attributes as Record<string, string>;
  return element;
}

/** Builds the content that begins at index `at` (after `root`'s start tag) into `root`, without recursion. */
export function readContent(source: string, at: number, root: Element): void {
  let parent = root;
  let text = '';
  let i = at;
  for (;;) {
    const lt = source.indexOf('<', i);
    if (lt > i) text += decodeText(source.slice(i, lt));
    const c = source.charCodeAt(lt + 1);
    if (c === BANG) {
      const end = source.indexOf(']]>', lt + 9);
      text += normaliseLines(source.slice(lt + 9, end));
      i = end + 3;
      continue;
    }
    if (text !== '') {
      parent.children.push(text);
      text = '';
    }
    if (c === SLASH) {
      if (parent === root) return;
      parent = parent.parent as Element;
      i = source.indexOf('>', lt) + 1;
      continue;
    }
    const end = nameEnd(source, lt + 1);
    const attributes: Record<string, string> = {};
    const close = readInto(source, end, attributes);
    const element = newElement(source.slice(lt + 1, end), attributes);
    element.parent = parent;
    parent.children.push(element);
    if (source.charCodeAt(close) === SLASH) {
      i = close + 2;
    } else {
      parent = element;
      i = close + 1;
    }
  }
}

/** Builds the element whose source this is. */
export function readElement(source: string): Element {
  const end = nameEnd(source, 1);
  const attributes: Record<string, string> = {};
  const close = readInto(source, end, attributes);
  const root = newElement(source.slice(1, end), attributes);
  if (source.charCodeAt(close) !== SLASH) readContent(source, close + 1, root);
  return root;
}
