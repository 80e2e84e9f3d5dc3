import { createHash } from 'node:crypto';
import { childElements, children, clone, type Element } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { notifyStatuses } from './configuration-notice.js';
import { refusal } from './refusal.js';
import type { Actor } from './role-lists.js';
import type { RoomRequest } from './room-request.js';
import type { RoomVcard } from './rooms/documents.js';
import type { Room } from './rooms/room.js';

/** Characters of a room's vCard: it is part of the room's document, which is written with every change. */
const MOST_CHARACTERS = 65_536;

/**
 * XEP-0486 §3.4: the vCard, for whoever asks, in the room or not. Where there is none, an empty one (XEP-0054 §3.1 allows an
 * error, too): §3.2 has an owner remove the avatar by an empty vCard, and clients read back what they wrote.
 */
export function roomVcard(room: Room, actor: Actor, query: Element): string {
  if (!query.is('vCard', NS.vcard)) throw new StanzaError('bad-request');
  if (actor.affiliation === 'outcast') throw refusal(room, 'forbidden');
  return room.vcard?.text ?? `<vCard xmlns='${NS.vcard}'/>`;
}

/** XEP-0486 §3.2: an owner sets the vCard with the room's avatar, or removes it with an empty one. */
export function setRoomVcard({ muc, work, room, actor, query, success }: RoomRequest): void {
  if (!query.is('vCard', NS.vcard)) throw new StanzaError('bad-request');
  if (actor.affiliation !== 'owner')
    throw refusal(room, 'forbidden', { text: 'Only owners are allowed to set avatars.' });
  const vcard = childElements(query).length === 0 ? undefined : readVcard(room, query);
  const changed = vcard?.text !== room.vcard?.text;
  if (changed) {
    room.vcard = vcard;
    work.saveRoom(room);
  }
  success();
  if (changed) notifyStatuses(muc, work, room, [104]);
}

function readVcard(room: Room, query: Element): RoomVcard {
  const text = clone(query).toString();
  if (text.length > MOST_CHARACTERS)
    throw refusal(room, 'policy-violation', {
      text: `The vCard of a room may have at most ${MOST_CHARACTERS} characters`,
    });
  return { text, avatars: avatarHashes(query) };
}

/** XEP-0486 §5.1: the hash of every picture, computed as by XEP-0153 §3.1 over its bytes. */
function avatarHashes(vcard: Element): string[] {
  const hashes: string[] = [];
  for (const photo of children(vcard, 'PHOTO', NS.vcard)) {
    const text = photo.getChildText('BINVAL', NS.vcard)?.replace(/\s+/g, '') ?? '';
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length > 0) hashes.push(createHash('sha1').update(bytes).digest('hex'));
  }
  return hashes;
}
