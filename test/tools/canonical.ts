import assert from 'node:assert/strict';
import { type Element, namespaceOf } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';

/**
 * One text for everything that means the same XML: attributes sorted, namespaces spelled out, white space between
 * elements dropped. Attributes whose value is `*` in `pattern` are written as `*`, so that they fit anything.
 */
export function canonical(element: Element, pattern?: string): string {
  return write(element, pattern === undefined ? undefined : Stanza.parse(pattern).element);
}

function write(element: Element, pattern: Element | undefined): string {
  const attributes = Object.entries(element.attrs)
    .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .map(([name, value]) => `${name}="${pattern?.attrs[name] === '*' ? '*' : value}"`)
    .sort()
    .join(' ');
  const nodes = element.children.filter((node) => typeof node === 'object' || node.trim() !== '');
  const patterns = pattern?.children.filter((node) => typeof node === 'object' || node.trim() !== '') ?? [];
  const content = nodes
    .map((node, index) => {
      const fit = patterns[index];
      if (typeof node === 'object') return write(node, typeof fit === 'object' ? fit : undefined);
      return fit === '*' ? '*' : node;
    })
    .join('');
  return `<{${namespaceOf(element)}}${element.getName()}${attributes === '' ? '' : ` ${attributes}`}>${content}</>`;
}

/** The whole stanza is as expected; see {@link canonical}. */
export function assertSame(stanza: Stanza, expected: string): void {
  assert.equal(canonical(stanza.element, expected), canonical(Stanza.parse(expected).element, expected));
}
