import { clone, type Element, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';

/** An id that this server gives a message of an account (XEP-0359 §2.1): unique, and by nobody else. */
export function stanzaIdElement(account: BareJid, id: string): Element {
  return xml('stanza-id', { xmlns: NS.stanzaId, by: account, id });
}

/**
 * The message without ids that claim to be this account's server's (XEP-0359 §3 rule 2, §6): only we give those. Nearly
 * every message is returned as it is, after a search of its content.
 */
export function withoutForgedIds(message: Stanza, account: BareJid): Stanza {
  if (message.finding(claimants)?.includes(account) === false) return message;
  // an address needs no escaping, so it is there as it is or in character references; most ids are by somebody else
  const plain = !message.mentions('&#');
  if (plain && !(message.mentions(NS.stanzaId) && message.mentions(account))) return message;
  if (!message.hasChild('stanza-id', NS.stanzaId)) return message;
  const element = clone(message.element);
  const kept = element.children.filter(
    (node) =>
      typeof node !== 'object' ||
      node.getName() !== 'stanza-id' ||
      node.getNS() !== NS.stanzaId ||
      node.attrs['by'] !== account,
  );
  if (kept.length === element.children.length) return message;
  element.children = kept;
  return Stanza.fromElement(element);
}

/** By whom the ids of a message are said to be. */
function claimants(message: Stanza): readonly string[] {
  if (!message.mentions('&#') && !message.mentions(NS.stanzaId)) return [];
  return message.attributesOf('stanza-id', NS.stanzaId, 'by');
}
