/** XML as data that can be mutated: also what no parser would accept. */
export interface Node {
  readonly name: string;
  readonly attributes: readonly (readonly [string, string])[];
  readonly children: readonly (Node | string)[];
}

/** An element; attributes that are undefined are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>> = {},
  ...children: readonly (Node | string | undefined)[]
): Node {
  const written: [string, string][] = [];
  for (const [key, value] of Object.entries(attributes))
    if (value !== undefined) written.push([key, String(value)]);
  return { name, attributes: written, children: children.filter((child) => child !== undefined) };
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r]/g, (char) => `&#${char.charCodeAt(0)};`);
}

export function render(node: Node): string {
  let out = `<${node.name}`;
  for (const [name, value] of node.attributes) out += ` ${name}='${escapeXml(value)}'`;
  if (node.children.length === 0) return `${out}/>`;
  out += '>';
  for (const child of node.children) out += typeof child === 'string' ? escapeXml(child) : render(child);
  return `${out}</${node.name}>`;
}

/** The tree with the attribute set (or, for undefined, without it). */
export function withAttribute(node: Node, name: string, value: string | undefined): Node {
  const attributes = node.attributes.filter(([key]) => key !== name);
  return { ...node, attributes: value === undefined ? attributes : [...attributes, [name, value]] };
}

export function attributeOf(node: Node, name: string): string | undefined {
  return node.attributes.find(([key]) => key === name)?.[1];
}

/** How many elements there are in it, itself included. */
export function countOf(node: Node): number {
  let count = 1;
  for (const child of node.children) if (typeof child !== 'string') count += countOf(child);
  return count;
}

/** The tree with its `index`th element (in document order) replaced, by several or none if need be. */
export function replaceAt(
  node: Node,
  index: number,
  change: (found: Node) => readonly (Node | string)[],
): readonly (Node | string)[] {
  if (index === 0) return change(node);
  let at = index - 1;
  const children: (Node | string)[] = [];
  for (const child of node.children) {
    if (typeof child === 'string') {
      children.push(child);
      continue;
    }
    const count = countOf(child);
    if (at >= 0 && at < count) children.push(...replaceAt(child, at, change));
    else children.push(child);
    at -= count;
  }
  return [{ ...node, children }];
}
