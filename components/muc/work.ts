import type { Stanza } from '../../shared/xml/stanza.js';
import type { MessageDocument } from './rooms/documents.js';
import type { Room, Session } from './rooms/room.js';
import type { Template } from './wire.js';

/** One text for many addressees. */
export interface Broadcast {
  readonly text: Template;
  /** Addresses as attribute values. */
  readonly to: readonly string[];
}

export type Outgoing = string | Broadcast;

/** A write that has begun, and whose it is: of every work that changed this room or this session, or of one work. */
export interface Write {
  readonly done: Promise<unknown>;
  readonly of: Room | Session | Work;
}

/** A message whose delivery is accounted for. */
export interface Journalled {
  readonly room: Room;
  readonly document: MessageDocument;
  /** Its place in the room's archive, known once it is durable. */
  archiveId: number;
}

/**
 * What one incoming stanza (or one event) does: texts to send, in order, and what must be durable before any of them
 * leaves. The use cases fill it; `delivery.ts` commits and sends it.
 */
export class Work {
  /** The stanza that caused it, answered with an error if it cannot be made durable. */
  readonly cause: Stanza | null;
  out: Outgoing[] = [];
  readonly rooms = new Set<Room>();
  readonly sessions = new Map<Session, Room>();
  readonly messages: Journalled[] = [];
  /** Called when the rooms and sessions that it changes are durable. */
  readonly durable: (() => void)[] = [];
  /** Called when everything has been handed to the stream. */
  readonly sent: (() => void)[] = [];
  /** Called where it cannot be made durable, the last first: then it is as if it had never come. */
  readonly undo: (() => void)[] = [];
  readonly #results = new Set<Outgoing>();

  constructor(cause: Stanza | null) {
    this.cause = cause;
  }

  send(text: string): void {
    this.out.push(text);
  }

  /** Says to whoever asked for it that it is done. */
  sendResult(text: string): void {
    this.#results.add(text);
    this.out.push(text);
  }

  /** Whether this is what says that it is done. */
  isResult(outgoing: Outgoing): boolean {
    return this.#results.has(outgoing);
  }

  sendTo(text: Template, session: Session): void {
    this.out.push(`${text.head}${session.address}${text.tail}`);
  }

  broadcast(text: Template, to: Iterable<Session>): void {
    const addresses: string[] = [];
    for (const session of to) addresses.push(session.address);
    this.broadcastTo(text, addresses);
  }

  broadcastTo(text: Template, addresses: readonly string[]): void {
    const [only] = addresses;
    if (only === undefined) return;
    if (addresses.length === 1) this.out.push(`${text.head}${only}${text.tail}`);
    else this.out.push({ text, to: addresses });
  }

  /** The room's document is to be written (or removed, once it is destroyed). */
  saveRoom(room: Room): void {
    this.rooms.add(room);
  }

  /** The session is to be written, or removed where it has left. */
  saveSession(room: Room, session: Session): void {
    this.sessions.set(session, room);
  }

  saveOccupant(room: Room, sessions: Iterable<Session>): void {
    for (const session of sessions) this.sessions.set(session, room);
  }

  journal(room: Room, document: MessageDocument): void {
    this.messages.push({ room, document, archiveId: 0 });
  }

  /** Whether something that it changes is among those. */
  touches(changed: ReadonlySet<Write['of']>): boolean {
    if (changed.has(this)) return true;
    for (const room of this.rooms) if (changed.has(room)) return true;
    for (const session of this.sessions.keys()) if (changed.has(session)) return true;
    return false;
  }

  get writes(): boolean {
    return this.rooms.size > 0 || this.sessions.size > 0 || this.messages.length > 0;
  }
}
