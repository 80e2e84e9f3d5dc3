import { type Element, namespaceOf, sameNamespace } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';

/**
 * A stanza as text in which only differences that mean something show: attributes sorted, declarations resolved, white
 * space between elements gone. `'*'` in the expected text stands for any value.
 */
export function canonical(xml: string | Stanza, indent = ''): string {
  const stanza = typeof xml === 'string' ? Stanza.parse(xml.trim()) : xml;
  return write(stanza.element, 'jabber:client', indent);
}

function write(element: Element, inherited: string, indent: string): string {
  const namespace = namespaceOf(element);
  const own = sameNamespace(namespace, inherited) ? '' : ` xmlns='${namespace}'`;
  const attributes = Object.entries(element.attrs)
    .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => ` ${name}='${value}'`)
    .join('');
  const mixed = element.children.some((child) => typeof child !== 'string');
  const inner = element.children
    .map((child) => {
      if (typeof child !== 'string') return `\n${write(child, namespace, `${indent}  `)}`;
      return mixed ? '' : child.trim();
    })
    .join('');
  const name = element.getName();
  return `${indent}<${name}${own}${attributes}>${inner}${mixed ? `\n${indent}` : ''}</${name}>`;
}

/** Whether the actual stanza is what was expected, `*` aside; and both texts, for the message. */
export function compare(
  actual: Stanza,
  expected: string,
): { same: boolean; actual: string; expected: string } {
  const wanted = canonical(expected);
  // Servers say on each stanza in which language their stream is: where we expect nothing, that is no difference.
  const got = canonical(actual).replace(wanted.includes('xml:lang') ? /(?!)/g : / xml:lang='[^']*'/g, '');
  const pattern = wanted
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join("[^'<]*");
  return { same: new RegExp(`^${pattern}$`).test(got), actual: got, expected: wanted };
}
