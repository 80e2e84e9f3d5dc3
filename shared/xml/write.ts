import { CLASS, NAME, NAME_START } from './characters.js';
import type { Element } from './element.js';
import { escapeAttribute, escapeText } from './escape.js';
import { isContentNamespace } from './names.js';

const COMMON_NAME = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/;

/** Throws a TypeError where a program (or what it was told) makes a name that XML cannot have: it must not reach a wire. */
function checkName(name: string): string {
  if (COMMON_NAME.test(name)) return name;
  const parts = name.split(':');
  const legal = parts.length <= 2 && parts.every(isNcName);
  if (!legal) throw new TypeError(`not a name in XML: ${JSON.stringify(name)}`);
  return name;
}

function isNcName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (((CLASS[name.charCodeAt(i)] as number) & (i === 0 ? NAME_START : NAME)) === 0) return false;
  }
  // Of paired surrogates the first decides; unpaired ones are no characters.
  return name !== '' && !/\p{Surrogate}/u.test(name);
}

/**
 * An element as wire text for a stream whose content namespace is its default namespace, whichever that is: elements of
 * a content namespace carry no `xmlns` and no prefix (RFC 6120 §4.8.3, §4.8.5), as long as all around them are such too.
 * What lies inside an extension element, such as a forwarded `<message xmlns='jabber:client'/>`, keeps its own.
 * `inherited` is the default namespace that holds around the element.
 */
export function writeElement(element: Element, inherited = 'jabber:client'): string {
  return write(element, inherited, inherited, isContentNamespace(inherited));
}

/** The attributes of `element` as source, each with a space before it, those in `without` left out. */
export function writeAttributes(element: Element, without: ReadonlySet<string>): string {
  let text = '';
  for (const name of Object.keys(element.attrs)) {
    const value: unknown = element.attrs[name];
    if (value === undefined || value === null || without.has(name)) continue;
    text += ` ${checkName(name)}='${escapeAttribute(String(value))}'`;
  }
  return text;
}

/** From the end of the start tag (`>` or `/>`) to the end tag, whose name is `name`. */
export function writeContent(
  element: Element,
  name: string,
  inherited: string,
  written: string,
  content: boolean,
): string {
  if (element.children.length === 0) return '/>';
  let text = '>';
  for (const node of element.children as readonly unknown[]) {
    if (typeof node === 'string') text += escapeText(node);
    else if (typeof node === 'object' && node !== null)
      text += write(node as Element, inherited, written, content);
    else if (node !== undefined && node !== null) text += escapeText(String(node));
  }
  return `${text}</${name}>`;
}

const onlyDefault: ReadonlySet<string> = new Set(['xmlns']);

/**
 * `inherited`: the default namespace around the element in the tree; `written`: the one in force in the output;
 * `content`: all elements around it are of the content namespace.
 */
function write(element: Element, inherited: string, written: string, content: boolean): string {
  const colon = element.name.indexOf(':');
  const declared: string | undefined = element.attrs['xmlns'];
  const inForce = declared ?? inherited;
  const namespace = colon < 0 ? inForce : (element.findNS(element.name.slice(0, colon)) ?? '');
  const neutral = content && isContentNamespace(namespace);
  const name = checkName(neutral ? element.name.slice(colon + 1) : element.name);
  let text = `<${name}`;
  let out = written;
  if (!neutral && colon < 0 && (declared !== undefined || inForce !== written)) {
    text += ` xmlns='${escapeAttribute(inForce)}'`;
    out = inForce;
  }
  return text + writeAttributes(element, onlyDefault) + writeContent(element, name, inForce, out, neutral);
}
