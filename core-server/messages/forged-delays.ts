import { clone, type Element } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';

/** The message without notes that this server has delayed it (XEP-0203 §5): only the server itself adds those. */
export function withoutForgedDelays(message: Stanza, domain: string): Stanza {
  if (message.finding(isDelayed) === false || !isDelayed(message)) return message;
  const element = clone(message.element);
  const kept = element.children.filter((node) => typeof node !== 'object' || !isOurs(node, domain));
  if (kept.length === element.children.length) return message;
  element.children = kept;
  return Stanza.fromElement(element);
}

/** Nearly always answered by a search of the content. */
function isDelayed(message: Stanza): boolean {
  if (!message.mentions(NS.delay) && !message.mentions('&#')) return false;
  return message.hasChild('delay', NS.delay);
}

function isOurs(node: Element, domain: string): boolean {
  if (node.getName() !== 'delay' || node.getNS() !== NS.delay) return false;
  return parseJid(node.attrs['from'] ?? '')?.full === domain;
}
