import { randomUUID } from 'node:crypto';
import { clone, xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { type BareJid, jid as parseKnown } from '../../../shared/xmpp/jid.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { messageType } from '../message-delivery.js';
import { stanzaIdElement } from '../stanza-ids.js';

/** XEP-0160 §3: normal and chat messages; not those that only say that somebody is typing. */
export function worthStoring(message: Stanza): boolean {
  const type = messageType(message);
  if (type !== 'normal' && type !== 'chat') return false;
  // XEP-0334 §4.1, §4.2: `no-permanent-store` is about archives, waiting for its receiver is none
  if (message.hasChild('no-store', NS.hints)) return false;
  if (message.hasChild('store', NS.hints)) return true;
  if (type === 'normal') return message.children().length > 0;
  return message.children().some((part) => part.namespace !== NS.chatStates && part.name !== 'thread');
}

/** What is not stored is not refused either when its loss is meant: chat states and what says `no-store`. */
export function isSilent(message: Stanza): boolean {
  const type = messageType(message);
  if (type !== 'normal' && type !== 'chat') return false;
  return message.children().length > 0 && !message.hasChild('body', NS.client);
}

/** The text that is stored. The stamp says when and by whom it was stored (XEP-0160 §3, XEP-0203 §4). */
export function stamped(message: Stanza, account: BareJid, domain: string): string {
  const element = clone(message.element);
  element.append(
    stanzaIdElement(account, randomUUID()),
    xml('delay', { xmlns: NS.delay, from: parseKnown(domain).full, stamp: new Date().toISOString() }),
  );
  return Stanza.fromElement(element).text;
}
