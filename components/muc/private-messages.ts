import { childElements } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Muc } from './context.js';
import { checkSize } from './messages.js';
import { spend } from './rate.js';
import { refusal } from './refusal.js';
import { roleAtLeast } from './rooms/privileges.js';
import type { Room, Session } from './rooms/room.js';
import { innerXml, occupantIdElement, template, userElement } from './wire.js';
import type { Work } from './work.js';

const BOUNCE_MILLISECONDS = 120_000;

/** XEP-0045 §7.5 Sending a Private Message. */
export function sendPrivately(
  muc: Muc,
  work: Work,
  room: Room,
  session: Session,
  nick: string,
  stanza: Stanza,
): void {
  if (stanza.type === 'groupchat') throw refusal(room, 'bad-request');
  checkSize(muc, room, stanza);
  spend(muc, room, session);
  const { occupant } = session;
  const allowed = room.config.privateMessages;
  if (
    allowed === 'none' ||
    (allowed !== 'anyone' &&
      !roleAtLeast(occupant.role, allowed === 'moderators' ? 'moderator' : 'participant'))
  )
    throw refusal(room, 'forbidden');
  const recipient = room.occupants.get(nick);
  if (recipient === undefined) throw refusal(room, 'item-not-found', { type: 'cancel' });
  const text = template(
    { name: 'message', from: occupant.address, type: stanza.type, id: stanza.id, lang: stanza.lang },
    // Only the room speaks muc#user (§17.3 rule 6): the empty element is what §7.5 wants added.
    innerXml(stanza, (child) => !isRooms(child.getName(), child.getNS() ?? '')) +
      userElement('') +
      occupantIdElement(occupant.id),
  );
  for (const target of recipient.sessions) {
    work.sendTo(text, target);
    // Its bounce goes back to the sender; a groupchat message's does not, and both come to this address.
    if (stanza.id !== undefined)
      muc.remembered.add(
        bounceKey(room, stanza.id, target.jid.full),
        session.jid.full,
        muc.ticks() + BOUNCE_MILLISECONDS,
      );
  }
}

function isRooms(name: string, namespace: string): boolean {
  return (
    namespace === NS.mucUser ||
    namespace === NS.occupantId ||
    namespace === NS.address ||
    namespace === NS.addressLists ||
    (namespace === NS.stanzaId && name === 'stanza-id')
  );
}

function bounceKey(room: Room, id: string, from: string): string {
  return `pm\n${room.local}\n${from}\n${id}`;
}

/** A private message came back: tells its sender, without the recipient's address. */
export function returnBounce(muc: Muc, work: Work, room: Room, bounced: Stanza): boolean {
  const { id, fromJid } = bounced;
  if (id === undefined || fromJid === null || fromJid === undefined) return false;
  const sender = muc.remembered.take(bounceKey(room, id, fromJid.full));
  if (typeof sender !== 'string') return false;
  const session = room.sessions.get(sender);
  const target = room.sessions.get(fromJid.full);
  if (session === undefined || target === undefined) return true;
  const error = childElements(bounced.element).find((child) => child.getName() === 'error');
  const known = error === undefined ? null : StanzaError.fromElement(error);
  const content = new StanzaError(known?.condition ?? 'service-unavailable', {
    type: known?.type === 'wait' ? 'wait' : 'cancel',
    by: room.address,
  })
    .toElement()
    .toString();
  work.sendTo(
    template({ name: 'message', from: target.occupant.address, type: 'error', id }, content),
    session,
  );
  return true;
}
