import { z } from 'zod';
import { Stanza } from '../xml/stanza.js';
import { parseJid } from '../xmpp/jid.js';

// Text that is written to streams as it is, or taken for an address, is checked when it is read back: what was damaged in
// the store must not break the stream of somebody else.

function isElement(text: string): boolean {
  try {
    Stanza.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Wire text of one element. */
export const elementText = z.string().refine(isElement, 'not one element');

/** Wire text of what is inside an element: elements and character data, or nothing. */
export const contentText = z
  .string()
  .refine((text) => text === '' || isElement(`<x xmlns='jabber:client'>${text}</x>`), 'not XML');

/** A stanza in two parts, between which an address is written. */
export function isStanzaInParts(parts: { readonly head: string; readonly tail: string }): boolean {
  return isElement(`${parts.head}x${parts.tail}`);
}

/** An address as it is after preparation. */
export const jidText = z.string().refine((text) => parseJid(text)?.full === text, 'not a JID');
