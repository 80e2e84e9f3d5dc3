import { clone, Element } from '../../../shared/xml/element.js';
import { escapeAttribute } from '../../../shared/xml/escape.js';
import { isContentNamespace } from '../../../shared/xml/names.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

const inherited = ` xmlns='${NS.httpBind}'`;

/**
 * A first-level element as text that stands alone: it declares every namespace and prefix it uses (RFC 7395 §3.3.3,
 * docs/protocols/client-link.md §5.2).
 */
export function selfContained(stanza: Stanza): string {
  const { text } = stanza;
  if (!isContentNamespace(stanza.namespace)) return text;
  const at = 1 + stanza.name.length;
  return `${text.slice(0, at)} xmlns='${escapeAttribute(stanza.namespace)}'${text.slice(at)}`;
}

/**
 * An element of a BOSH body as it goes to the server. XEP-0206 §"<body/> Wrapper Element", Note: many clients declare no
 * namespace on their stanzas and mean 'jabber:client', so of the names of stanzas that one is taken for the other.
 */
export function elementToServer(stanza: Stanza): string {
  if (stanza.namespace !== NS.httpBind || !isStanzaName(stanza.name)) return selfContained(stanza);
  const { source } = stanza;
  const at = 1 + stanza.name.length;
  if (source.startsWith(inherited, at)) {
    return `${source.slice(0, at)} xmlns='${NS.client}'${source.slice(at + inherited.length)}`;
  }
  const element = clone(stanza.element);
  return selfContained(Stanza.fromElement(renamed(element)));
}

function renamed(element: Element): Element {
  const copy = new Element(element.getName(), { ...element.attrs, xmlns: NS.client });
  for (const node of element.children) {
    if (typeof node !== 'object') copy.t(node);
    else copy.cnode(node.getNS() === NS.httpBind ? renamed(node) : node);
  }
  return copy;
}

export function isStanzaName(name: string): boolean {
  return name === 'message' || name === 'presence' || name === 'iq';
}
