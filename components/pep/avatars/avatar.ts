import { createHash } from 'node:crypto';
import { child, childElements, type Element, xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';

/** A picture, as both XEP-0084 and XEP-0153 can carry it. */
export interface Avatar {
  /** SHA-1 of the bytes in hex: the item's id, and the hash in presence. */
  readonly hash: string;
  readonly type: string;
  /** In base64. */
  readonly data: string;
  readonly bytes: number;
}

/** What a metadata item says: the id and type of the picture that is published here; null for none (XEP-0084 §4.2.1). */
export function readMetadata(payload: string): { readonly id: string; readonly type: string } | null {
  const metadata = Stanza.parse(payload).element;
  for (const info of childElements(metadata)) {
    const { id, type, url } = info.attrs;
    // XEP-0398 §3.1: not one that points elsewhere
    if (info.getName() === 'info' && id !== undefined && url === undefined) {
      return { id: id.toLowerCase(), type: type ?? 'image/png' };
    }
  }
  return null;
}

/** The picture in a data item, if it is the one that was announced. */
export function readData(
  payload: string,
  announced: { readonly id: string; readonly type: string },
): Avatar | null {
  const avatar = avatarOf(Stanza.parse(payload).element.getText(), announced.type);
  return avatar?.hash === announced.id ? avatar : null;
}

/** The photo of a vCard; null where there is none or nothing readable. */
export function photoOf(vcard: Element | undefined): Avatar | null {
  const photo = vcard && child(vcard, 'PHOTO', NS.vcard);
  if (photo === undefined) return null;
  const text = (name: string): string => child(photo, name, NS.vcard)?.getText() ?? '';
  return avatarOf(text('BINVAL'), text('TYPE').trim() || 'image/jpeg');
}

function avatarOf(text: string, type: string): Avatar | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0) return null;
  const hash = createHash('sha1').update(bytes).digest('hex');
  return { hash, type, data: bytes.toString('base64'), bytes: bytes.length };
}

/** A vCard with this photo in the place of its own, or without one. */
export function withPhoto(vcard: Element | undefined, avatar: Avatar | null): Element {
  const copy = xml('vCard', { ...vcard?.attrs, xmlns: NS.vcard });
  copy.children = (vcard?.children ?? []).filter(
    (node) => typeof node === 'string' || !node.is('PHOTO', NS.vcard),
  );
  if (avatar !== null) {
    copy.append(xml('PHOTO', {}, xml('TYPE', {}, avatar.type), xml('BINVAL', {}, avatar.data)));
  }
  return copy;
}

/** The payload of an item that has the picture itself (XEP-0084 §4.1). */
export function dataPayload(avatar: Avatar): string {
  return `<data xmlns='${NS.avatarData}'>${avatar.data}</data>`;
}

/** The payload of an item that tells of a picture (XEP-0084 §4.2); null: that there is none. */
export function metadataPayload(avatar: Avatar | null): string {
  if (avatar === null) return `<metadata xmlns='${NS.avatarMetadata}'/>`;
  const info = xml('info', { bytes: avatar.bytes, id: avatar.hash, type: avatar.type });
  return Stanza.fromElement(xml('metadata', { xmlns: NS.avatarMetadata }, info)).text;
}
