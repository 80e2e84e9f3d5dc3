import type { Stanza } from '../../shared/xml/stanza.js';
import type { Session } from '../sessions/session.js';

/** Who of an account was given a message that more than one of its sessions has. */
interface Holders {
  /** Those that have it, or may have it yet: not those that ended without having received it. */
  readonly recipients: Set<Session>;
  /** Those that were given a copy (XEP-0280). */
  copies: readonly Session[];
  /** It is stored for one of them that has ended. */
  stored: boolean;
}

/** Nothing is noted of a message that only one session was given. */
const noted = new WeakMap<Stanza, Holders>();

/** A message goes to several sessions at once (RFC 6121 §8.5.2.1.1). */
export function noteRecipients(message: Stanza, recipients: readonly Session[]): void {
  noted.set(message, { recipients: new Set(recipients), copies: [], stored: false });
}

/** Others were given copies of what these sessions were given. */
export function noteCopies(
  message: Stanza,
  recipients: readonly Session[],
  copies: readonly Session[],
): void {
  if (!noted.has(message)) noteRecipients(message, recipients);
  const holders = noted.get(message);
  if (holders !== undefined) holders.copies = copies;
}

/** A session has ended without having received it. */
export function hasNot(message: Stanza, session: Session): void {
  noted.get(message)?.recipients.delete(session);
}

/** Whether it is stored already for another session that has ended: whoever comes gets it once (XEP-0160 §2). */
export function isStored(message: Stanza): boolean {
  return noted.get(message)?.stored === true;
}

/** It is being stored for one of several that had it. */
export function noteStored(message: Stanza): void {
  const holders = noted.get(message);
  if (holders !== undefined) holders.stored = true;
}

/** Whether another session of the account has received it, or may yet: then it is answered for. */
export function isElsewhere(message: Stanza): boolean {
  return (noted.get(message)?.recipients.size ?? 0) > 0;
}

/** Whether any session of the account has it or a copy of it. */
export function isHad(message: Stanza): boolean {
  return isElsewhere(message) || holdersOf(message) !== undefined;
}

/** The sessions that are not to be given it again; undefined where there are none. */
export function holdersOf(message: Stanza): WeakSet<Session> | undefined {
  const holders = noted.get(message);
  if (holders === undefined) return undefined;
  const living = [...holders.recipients, ...holders.copies].filter((session) => !session.ended);
  return living.length === 0 ? undefined : new WeakSet(living);
}
