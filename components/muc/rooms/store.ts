import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { ArchiveCollection, KeyValueCollection, Storage } from '../../../shared/storage/storage.js';
import type { Jid } from '../../../shared/xmpp/jid.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import type { Work, Write } from '../work.js';
import type { MessageDocument, RoomDocument, SessionDocument } from './documents.js';
import { CREATORS, INSTANCE, JOURNAL, MESSAGES, ROOMS, SERVICE, SESSIONS } from './documents.js';
import { Occupant, Room, Session } from './room.js';

/** A large room over a network would take long one by one. */
const READS_AT_ONCE = 100;

/** Rooms in the store: loading one with everybody in it, and the writes of a batch of work. */
export class RoomStore {
  readonly rooms: KeyValueCollection<RoomDocument>;
  readonly sessions: KeyValueCollection<SessionDocument>;
  readonly messages: ArchiveCollection<MessageDocument>;
  readonly journal: KeyValueCollection<{ after: number }>;
  readonly creators: KeyValueCollection<{ rooms: string[] }>;
  readonly #service: KeyValueCollection<{ occupantIdSecret: string }>;
  readonly #instances: KeyValueCollection<{ instance: string }>;
  /** This process, among those that may have been given the same store. */
  readonly #instance = randomUUID();
  readonly #domain: string;
  readonly #admins: ReadonlySet<string>;

  constructor(storage: Storage, domain: string, admins: ReadonlySet<string>) {
    this.#admins = admins;
    this.rooms = storage.keyval(ROOMS);
    this.sessions = storage.keyval(SESSIONS);
    this.messages = storage.archive(MESSAGES);
    this.journal = storage.keyval(JOURNAL);
    this.creators = storage.keyval(CREATORS);
    this.#service = storage.keyval(SERVICE);
    this.#instances = storage.keyval(INSTANCE);
    this.#domain = domain;
  }

  /** The secret of occupant ids (XEP-0421 §4.1), made once. */
  async occupantIdSecret(): Promise<Buffer> {
    const known = await this.#service.get(this.#domain);
    if (known !== undefined) return Buffer.from(known.value.occupantIdSecret, 'hex');
    const secret = randomBytes(32);
    await this.#service.put(this.#domain, { occupantIdSecret: secret.toString('hex') }, { expect: 0 });
    return secret;
  }

  /** From now on the rooms are this process's: one that had them before finds out by {@link isOwner}. */
  async takeOver(): Promise<void> {
    await this.#instances.put(this.#domain, { instance: this.#instance });
  }

  async isOwner(): Promise<boolean> {
    const found = await this.#instances.get(this.#domain);
    return found === undefined || found.value.instance === this.#instance;
  }

  /** The room with its newest `historyLimit` messages and its occupants, or null. */
  async load(
    jid: Jid,
    historyLimit: number,
    occupantId: (room: Room, bare: string) => string,
  ): Promise<Room | null> {
    const found = await this.rooms.get(jid.local);
    if (found === undefined) return null;
    const room = Room.fromDocument(jid, found.value, this.#admins);
    const page = await this.messages.page(jid.local, { backwards: true, limit: Math.max(1, historyLimit) });
    room.lastArchiveId = page[0]?.id ?? 0;
    if (historyLimit > 0)
      room.history = page
        .map((entry) => entry.value)
        .filter((message) => !message.live)
        .reverse();
    const present: SessionDocument[] = [];
    let reading: Promise<unknown>[] = [];
    for await (const key of this.sessions.owners(`${jid.local}/`)) {
      const read = this.sessions.get(key).then((stored) => {
        if (stored !== undefined) present.push(stored.value);
      });
      reading.push(read);
      if (reading.length < READS_AT_ONCE) continue;
      await Promise.all(reading);
      reading = [];
    }
    await Promise.all(reading);
    // In the order in which they came, as newcomers are told of them.
    present.sort((one, other) => one.joinedAt - other.joinedAt);
    for (const session of present) restoreSession(room, session, occupantId);
    return room;
  }

  /** Local names of the rooms that somebody is in. */
  async *occupied(): AsyncIterable<string> {
    let last = '';
    for await (const key of this.sessions.owners()) {
      const local = key.slice(0, key.indexOf('/'));
      if (local !== last) yield local;
      last = local;
    }
  }

  /** Begins the writes of `batch` but for its messages, which the journal appends. */
  write(batch: readonly Work[]): Write[] {
    const rooms = new Set<Room>();
    const sessions = new Map<Session, Room>();
    for (const work of batch) {
      for (const room of work.rooms) rooms.add(room);
      for (const [session, room] of work.sessions) sessions.set(session, room);
    }
    const writes: Write[] = [];
    // A room that was destroyed and one made anew under its name keep their order: sets remember it.
    for (const room of rooms) {
      if (room.destroyed) {
        const removals = [
          this.rooms.delete(room.local),
          this.messages.clear(room.local),
          this.journal.delete(room.local),
        ];
        for (const done of removals) writes.push({ done, of: room });
      } else writes.push({ done: this.rooms.put(room.local, room.toDocument()), of: room });
    }
    // Departures first: who left and came back within one batch has one key.
    for (const [session, room] of sessions) {
      if (room.sessions.get(session.jid.full) !== session)
        writes.push({ done: this.sessions.delete(sessionKey(room, session)), of: session });
    }
    for (const [session, room] of sessions) {
      const { occupant } = session;
      if (room.sessions.get(session.jid.full) !== session || occupant.role === 'none') continue;
      const done = this.sessions.put(sessionKey(room, session), {
        jid: session.jid.full,
        nick: occupant.nick,
        role: occupant.role,
        presence: session.presence,
        ...(session.lang === undefined ? {} : { lang: session.lang }),
        priority: session.priority,
        joinedAt: session.joinedAt,
      });
      writes.push({ done, of: session });
    }
    return writes;
  }
}

/** Hashed, since a full JID may be longer than a key. */
function sessionKey(room: Room, session: Session): string {
  return `${room.local}/${createHash('sha256').update(session.jid.full).digest('base64url')}`;
}

function restoreSession(
  room: Room,
  stored: SessionDocument,
  occupantId: (room: Room, bare: string) => string,
): void {
  const jid = parseJid(stored.jid);
  if (jid === null) return;
  let occupant = room.occupants.get(stored.nick);
  if (occupant === undefined) {
    occupant = new Occupant(room, stored.nick, jid.bare, occupantId(room, jid.bare), stored.role);
    room.addOccupant(occupant);
  }
  const session = new Session(jid, occupant, stored.presence, stored.priority, stored.joinedAt);
  session.lang = stored.lang;
  room.addSession(session);
}
