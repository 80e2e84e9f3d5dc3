import { clone, Element } from '../../../shared/xml/element.js';
import { escapeAttribute } from '../../../shared/xml/escape.js';
import { selfContained } from '../../../shared/xml/self-contained.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { isStanzaName } from '../../../shared/xmpp/stanza-name.js';

const inherited = ` xmlns='${NS.httpBind}'`;

/**
 * An element of a BOSH body as it goes to the server. XEP-0206 §"<body/> Wrapper Element", Note: many clients declare no
 * namespace on their stanzas and mean 'jabber:client', so of the names of stanzas that one is taken for the other.
 */
export function elementToServer(stanza: Stanza, lang?: string): string {
  const text = inItsNamespace(stanza);
  // XML §2.12: what the body says of the language goes for what is in it.
  if (lang === undefined || stanza.lang !== undefined || !isStanzaName(stanza.name)) return text;
  const at = text.search(/[\s/>]/);
  return `${text.slice(0, at)} xml:lang='${escapeAttribute(lang)}'${text.slice(at)}`;
}

function inItsNamespace(stanza: Stanza): string {
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
