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
  // The order of a stanza's own children means nothing, and ejabberd puts its own namespace's last.
  const nodes =
    indent === ''
      ? element.children.toSorted((one, other) => rank(one).localeCompare(rank(other)))
      : element.children;
  const inner = nodes
    .map((child) => {
      if (typeof child !== 'string') return `\n${write(child, namespace, `${indent}  `)}`;
      return mixed ? '' : child.trim();
    })
    .join('');
  const name = element.getName();
  return `${indent}<${name}${own}${attributes}>${inner}${mixed ? `\n${indent}` : ''}</${name}>`;
}

function rank(node: Element | string): string {
  if (typeof node === 'string') return '';
  return sameNamespace(namespaceOf(node), 'jabber:client') ? `1 ${node.getName()}` : '2';
}

/** Whether the actual stanza is what was expected, `*` aside; and both texts, for the message. */
export function compare(
  actual: Stanza,
  expected: string,
): { same: boolean; actual: string; expected: string } {
  const wanted = canonical(expected);
  // Servers say on each stanza in which language their stream is: where we expect nothing, that is no difference.
  const [root = ''] = wanted.split('\n');
  const got = root.includes(' xml:lang=')
    ? canonical(actual)
    : canonical(actual).replace(/^(<[^\n]*?) xml:lang='[^']*'/, '$1');
  const pattern = wanted
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join("[^'<]*");
  return { same: new RegExp(`^${pattern}$`).test(got), actual: got, expected: wanted };
}
