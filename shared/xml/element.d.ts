// Types only, until the module lands.
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
export declare const Element: new (name: string, attributes?: Attributes | string | null) => Element;
export declare function xml(
  name: string,
  attributes?: Attributes | string | null,
  ...children: Child[]
): Element;
export declare function namespaceOf(element: Element): string;
export declare function sameNamespace(one: string, other: string): boolean;
export declare function childElements(element: Element): Element[];
export declare function child(element: Element, name: string, namespace?: string): Element | undefined;
export declare function children(element: Element, name: string, namespace?: string): Element[];
export declare function textOf(element: Element | undefined): string;
export declare function clone(element: Element): Element;
