import * as library from '@xmpp/xml';
import { isContentNamespace } from './names.js';

/** A child of an element: an element or character data. */
export type Node = Element | string;

/** The element tree of `@xmpp/xml` (the class of ltx), with the part of its interface that is used here. */
export interface Element {
  name: string;
  parent: Element | null;
  children: Node[];
  attrs: Record<string, string>;
  is(name: string, namespace?: string): boolean;
  getName(): string;
  getNS(): string | undefined;
  findNS(prefix?: string): string | undefined;
  getAttr(name: string, namespace?: string): string | undefined | null;
  getChild(name: string, namespace?: string): Element | undefined;
  getChildren(name: string, namespace?: string): Element[];
  getChildByAttr(
    attribute: string,
    value: string,
    namespace?: string,
    recursive?: boolean,
  ): Element | undefined;
  getChildElements(): Element[];
  getText(): string;
  getChildText(name: string, namespace?: string): string | null;
  c(name: string, attributes?: Attributes | string): Element;
  cnode<T extends Node>(child: T): T;
  append(...nodes: Node[]): void;
  prepend(...nodes: Node[]): void;
  t(text: string): Element;
  up(): Element;
  root(): Element;
  remove(child: Element): Element;
  remove(name: string, namespace?: string): Element;
  text(): string;
  attr(name: string): string | undefined;
  toString(): string;
}

export type Attributes = Record<string, string | number | null | undefined>;
export type Child = Element | string | number | boolean | null | undefined | readonly Child[];

interface Library {
  readonly Element: new (name: string, attributes?: Attributes | string | null) => Element;
  readonly xml: (name: string, attributes?: Attributes | null, ...children: Child[]) => Element;
}
// The package has no types of its own.
const { Element: ElementClass, xml: createElement } = library as unknown as Library;

/** The class of all elements, for `instanceof` and `new`. */
export const Element: Library['Element'] = ElementClass;

/** Builds an element: `xml('query', { xmlns: … }, child, …)`. Attributes and children that are null or undefined are left out. */
export function xml(name: string, attributes?: Attributes | string | null, ...children: Child[]): Element {
  // ltx deletes empty attributes from the object it is given: not from ours.
  const own = typeof attributes === 'string' ? { xmlns: attributes } : attributes ? { ...attributes } : {};
  return createElement(name, own, ...children);
}

/**
 * The namespace of an element. A tree built without one is a stanza or part of one, whose namespace the stream implies:
 * 'jabber:client' stands for it.
 */
export function namespaceOf(element: Element): string {
  return element.getNS() ?? (element.name.includes(':') ? '' : 'jabber:client');
}

/** Whether two namespaces mean the same: equal, or both content namespaces, which replace each other on the way (RFC 6120 §4.8.3). */
export function sameNamespace(one: string, other: string): boolean {
  return one === other || (isContentNamespace(one) && isContentNamespace(other));
}

/** The child elements, in order. */
export function childElements(element: Element): Element[] {
  return element.children.filter((node) => typeof node === 'object');
}

/** The first child element of that local name and namespace; without a namespace, the parent's own (`<body/>` in `<message/>`). */
export function child(element: Element, name: string, namespace?: string): Element | undefined {
  const wanted = namespace ?? namespaceOf(element);
  for (const node of element.children) {
    if (typeof node === 'object' && node.getName() === name && sameNamespace(namespaceOf(node), wanted))
      return node;
  }
  return undefined;
}

/** All child elements of that local name and namespace (default: the parent's own). */
export function children(element: Element, name: string, namespace?: string): Element[] {
  const wanted = namespace ?? namespaceOf(element);
  return childElements(element).filter(
    (node) => node.getName() === name && sameNamespace(namespaceOf(node), wanted),
  );
}

/** The character data directly in an element; '' for none and for no element. */
export function textOf(element: Element | undefined): string {
  return element === undefined ? '' : element.getText();
}

/** A deep copy without parent. Namespaces that the original inherited are declared on the copy, so that it means the same anywhere. */
export function clone(element: Element): Element {
  const copy = copyOf(element);
  if (element.parent === null) return copy;
  const prefixes = new Set(['']);
  collectPrefixes(element, prefixes);
  for (const prefix of prefixes) {
    const declaration = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
    if (copy.attrs[declaration] !== undefined) continue;
    const namespace = element.parent.findNS(prefix);
    if (namespace !== undefined) copy.attrs[declaration] = namespace;
  }
  return copy;
}

function collectPrefixes(element: Element, prefixes: Set<string>): void {
  for (const name of [element.name, ...Object.keys(element.attrs)]) {
    const colon = name.indexOf(':');
    if (colon > 0) prefixes.add(name.slice(0, colon));
  }
  for (const node of element.children) if (typeof node === 'object') collectPrefixes(node, prefixes);
}

function copyOf(element: Element): Element {
  const copy = new Element(element.name, element.attrs);
  for (const node of element.children) {
    if (typeof node === 'object') copy.cnode(copyOf(node));
    else copy.children.push(node);
  }
  return copy;
}
