import { clone, type Element, xml } from '../xml/element.js';
import { Stanza } from '../xml/stanza.js';
import { writeElement } from '../xml/write.js';
import { parseJid } from '../xmpp/jid.js';

/**
 * What a component of this domain writes to its server; a text is taken as it is. XEP-0114 §3: every stanza has a `from` of
 * our domain; an element without one gets the domain's. Throws a TypeError for a `from` elsewhere.
 */
export function wireText(stanza: Element | Stanza | string, domain: string): string {
  if (typeof stanza === 'string') return stanza;
  const from = stanza instanceof Stanza ? stanza.from : stanza.attrs['from'];
  if (from === undefined && !(stanza instanceof Stanza)) {
    const stamped = xml(stanza.name, { ...stanza.attrs, from: domain });
    stamped.children = stanza.children;
    return writeElement(stamped);
  }
  if (from !== undefined && domainOf(from) === domain) {
    return stanza instanceof Stanza ? stanza.text : writeElement(stanza);
  }
  // an answer is from the address as it was written, which may be another form of ours (RFC 7622 §3.2)
  const prepared = from === undefined ? null : parseJid(from);
  if (prepared?.domain !== domain) {
    throw new TypeError(`a component sends from its own domain, not from ${from ?? 'nobody'}`);
  }
  const readdressed = stanza instanceof Stanza ? stanza : Stanza.fromElement(clone(stanza));
  return readdressed.readdress({ from: prepared.full }).text;
}

function domainOf(address: string): string {
  const slash = address.indexOf('/');
  const bare = slash < 0 ? address : address.slice(0, slash);
  return bare.slice(bare.indexOf('@') + 1);
}
