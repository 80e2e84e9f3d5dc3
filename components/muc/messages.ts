import { childElements } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { type Jid, parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Muc } from './context.js';
import { cutHistory, sizeOf } from './history.js';
import { spend } from './rate.js';
import { refusal } from './refusal.js';
import type { MessageDocument } from './rooms/documents.js';
import type { Room, Session } from './rooms/room.js';
import { changeSubject, isSubjectChange } from './subject.js';
import { innerXml, occupantIdElement, sourceInside, stanzaIdElement, template } from './wire.js';
import type { Work } from './work.js';

/** XEP-0045 §7.4 Sending a Message to All Occupants. */
export function sendToAll(muc: Muc, work: Work, room: Room, session: Session, stanza: Stanza): void {
  const { occupant } = session;
  checkSize(muc, room, stanza);
  spend(muc, room, session);
  if (isSubjectChange(stanza)) {
    changeSubject(muc, work, room, session, stanza);
    return;
  }
  // §5.1.1: a visitor has no voice, whatever the room is like.
  if (occupant.role === 'visitor') throw refusal(room, 'forbidden');

  const stanzaId = muc.newId();
  const at = muc.now();
  const text = template(
    {
      name: 'message',
      from: occupant.address,
      type: 'groupchat',
      id: stanza.id ?? stanzaId,
      lang: stanza.lang,
    },
    content(room, stanza) + stanzaIdElement(room, stanzaId) + occupantIdElement(occupant.id),
  );
  if (isKept(stanza)) {
    const document: MessageDocument = {
      stanzaId,
      at,
      from: occupant.nick,
      head: text.head,
      tail: text.tail,
      live: false,
      delayed: bringsHistory(room, session, stanza),
    };
    remember(muc, room, document);
    if (room.config.logging) {
      const body = stanza.element.getChildText('body');
      const { nick } = occupant;
      if (body !== null) work.sent.push(() => muc.publicLog?.message(room, at, nick, body));
    }
    work.journal(room, document);
  }
  muc.counters.messages.inc();
  muc.counters.deliveries.inc(room.addresses.length);
  work.broadcastTo(text, room.addresses);
}

/** Keeps it for newcomers, as many as the room may show. */
export function remember(muc: Muc, room: Room, document: MessageDocument): void {
  room.history.push(document);
  room.historySize += sizeOf(document);
  const { history, historyBytes } = muc.policy;
  // Cut in chunks: shifting at each message would move the whole array each time.
  if (room.history.length > 2 * history + 16 || room.historySize > 2 * historyBytes)
    cutHistory(room, history, historyBytes);
}

/** What the room itself says, or what would say something false in its name, is not passed on. */
function isForeign(name: string, namespace: string): boolean {
  switch (namespace) {
    case NS.occupantId:
    case NS.address:
    case NS.addressLists:
    case NS.mucUser:
    case NS.muc:
      return true;
    case NS.stanzaId:
      // XEP-0359 §3 rule 2 asks for those that claim to be ours; an origin-id is the client's own.
      return name === 'stanza-id';
    case NS.delay:
      return true;
    default:
      return false;
  }
}

function content(room: Room, stanza: Stanza): string {
  let foreign = false;
  for (const { name, namespace } of stanza.children()) foreign ||= isForeign(name, namespace);
  if (!foreign) {
    const inside = sourceInside(stanza);
    if (inside !== null) return inside;
  }
  return innerXml(stanza, (child) => {
    const namespace = child.getNS() ?? '';
    // A delay is the sender's own business unless it speaks for the room.
    if (namespace === NS.delay) return parseJid(child.attrs['from'] ?? '')?.bare !== room.jid.bare;
    return !isForeign(child.getName(), namespace);
  });
}

const EPHEMERAL: ReadonlySet<string> = new Set([
  NS.chatStates,
  NS.chatMarkers,
  NS.receipts,
  NS.hints,
  NS.stanzaId,
  NS.occupantId,
  NS.delay,
  NS.address,
  NS.addressLists,
]);

/** Whether a message outlives its moment: has content beyond typing notices and markers, or asks for it (XEP-0334). */
function isKept(stanza: Stanza): boolean {
  let content = false;
  for (const { name, namespace } of stanza.children()) {
    if (namespace === NS.hints) {
      if (name === 'store') return true;
      if (name === 'no-store' || name === 'no-permanent-store') return false;
    }
    content ||= !EPHEMERAL.has(namespace);
  }
  return content;
}

/** §7.9: an owner brings a one-to-one chat along, each message with its own delay. */
function bringsHistory(room: Room, session: Session, stanza: Stanza): boolean {
  return (
    room.affiliationOf(session.occupant.bare) === 'owner' &&
    stanza.hasChild('delay', NS.delay) &&
    childElements(stanza.element).some(
      (child) => child.getNS() === NS.delay && parseJid(child.attrs['from'] ?? '')?.bare !== room.jid.bare,
    )
  );
}

/** Throws where a message or presence is larger than the service lets anybody send to many. */
export function checkSize(
  muc: Muc,
  room: { readonly jid: Jid },
  stanza: Stanza,
  most = Number.POSITIVE_INFINITY,
): void {
  const limit = Math.min(muc.policy.messageBytes, most);
  if (isOversized(limit, stanza))
    throw refusal(room, 'policy-violation', { text: `A ${stanza.name} may have ${limit} bytes` });
}

/** Whether the source of a stanza has more bytes than this. */
export function isOversized(limit: number, stanza: Stanza): boolean {
  const { length } = stanza.source;
  // A character takes at most three bytes per UTF-16 unit: most messages need no counting.
  return length * 3 > limit && (length > limit || Buffer.byteLength(stanza.source) > limit);
}
