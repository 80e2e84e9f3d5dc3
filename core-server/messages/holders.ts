import type { Stanza } from '../../shared/xml/stanza.js';
import type { Session } from '../sessions/session.js';

/** Who of an account was given a message that more than one of its sessions has. */
class Holders {
  readonly #recipients: readonly Session[];
  /** Of the recipients, those that ended without having received it. */
  #without: Session[] | null = null;
  /** Those that were given a copy (XEP-0280). */
  copies: readonly Session[] = [];
  /** It is stored for one of them that has ended. */
  stored = false;

  constructor(recipients: readonly Session[]) {
    this.#recipients = recipients;
  }

  lose(session: Session): void {
    if (!this.#recipients.includes(session) || this.#without?.includes(session) === true) return;
    this.#without ??= [];
    this.#without.push(session);
  }

  /** Some have it, or may have it yet. */
  get held(): boolean {
    return this.#recipients.length > (this.#without?.length ?? 0);
  }

  /** Who has it and is there. */
  get living(): readonly Session[] {
    return [...this.#recipients, ...this.copies].filter((session) => !session.ended);
  }
}

/** Nothing is noted of a message that only one session was given. */
function noted(message: Stanza): Holders | undefined {
  return message.note instanceof Holders ? message.note : undefined;
}

/** A message goes to several sessions at once (RFC 6121 §8.5.2.1.1). */
export function noteRecipients(message: Stanza, recipients: readonly Session[]): void {
  message.note = new Holders(recipients);
}

/** Others were given copies of what these sessions were given. */
export function noteCopies(
  message: Stanza,
  recipients: readonly Session[],
  copies: readonly Session[],
): void {
  if (noted(message) === undefined) noteRecipients(message, recipients);
  const holders = noted(message);
  if (holders !== undefined) holders.copies = copies;
}

/** A session has ended without having received it. */
export function hasNot(message: Stanza, session: Session): void {
  noted(message)?.lose(session);
}

/** Whether it is stored already for another session that has ended: whoever comes gets it once (XEP-0160 §2). */
export function isStored(message: Stanza): boolean {
  return noted(message)?.stored === true;
}

/** It is being stored for one of several that had it. */
export function noteStored(message: Stanza): void {
  const holders = noted(message);
  if (holders !== undefined) holders.stored = true;
}

/** Whether another session of the account has received it, or may yet: then it is answered for. */
export function isElsewhere(message: Stanza): boolean {
  return noted(message)?.held === true;
}

/** Whether any session of the account has it or a copy of it. */
export function isHad(message: Stanza): boolean {
  return isElsewhere(message) || holdersOf(message) !== undefined;
}

/** The sessions that are not to be given it again; undefined where there are none. */
export function holdersOf(message: Stanza): WeakSet<Session> | undefined {
  const living = noted(message)?.living ?? [];
  return living.length === 0 ? undefined : new WeakSet(living);
}
