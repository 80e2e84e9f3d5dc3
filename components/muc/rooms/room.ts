import { escapeAttribute } from '../../../shared/xml/escape.js';
import type { Jid } from '../../../shared/xmpp/jid.js';
import type { Template } from '../wire.js';
import type { RoomConfig } from './config.js';
import type { MessageDocument, RoomDocument, RoomVcard, Subject } from './documents.js';
import type { Affiliation, Role } from './privileges.js';
import { initialRole } from './privileges.js';

interface AffiliationEntry {
  affiliation: Affiliation;
  /** The reserved nick (§7.13, §9.3). */
  nick: string | undefined;
  reason: string | undefined;
}

/** One resource in the room. */
export class Session {
  readonly jid: Jid;
  /** The full JID as an attribute's value, made once for every fan-out. */
  readonly address: string;
  occupant: Occupant;
  /** Inner XML of the last presence, without what only the room may say. */
  presence: string;
  /** Its `xml:lang`. */
  lang: string | undefined;
  priority: number;
  /** Order of the last presence: the newest of the highest priority is shown. */
  updated: number;
  readonly joinedAt: number;
  /** When it last proved to be there, by the clock that nobody sets; one that was restored has yet to. */
  lastSeen = Number.NEGATIVE_INFINITY;
  /** Tokens left, and when they were counted. */
  tokens = Number.POSITIVE_INFINITY;
  tokensAt = 0;
  probing = false;
  /** Requests of it that were passed on and wait for their answers. */
  unanswered = 0;

  constructor(jid: Jid, occupant: Occupant, presence: string, priority: number, now: number) {
    this.jid = jid;
    this.address = escapeAttribute(jid.full);
    this.occupant = occupant;
    this.presence = presence;
    this.priority = priority;
    this.updated = now;
    this.joinedAt = now;
  }
}

/** Whoever goes by a nick: one account, with one or more sessions (§7.2.8). */
export class Occupant {
  nick: string;
  /** `room@service/nick` as an attribute's value. */
  address: string;
  readonly bare: string;
  readonly id: string;
  role: Role;
  readonly sessions: Session[] = [];
  /** The presence as it stands, as text, by whether the real JID shows: made once for all newcomers. */
  readonly shown: { open: Template | null; anonymous: Template | null } = { open: null, anonymous: null };

  constructor(room: Room, nick: string, bare: string, id: string, role: Role) {
    this.nick = nick;
    this.address = room.addressOf(nick);
    this.bare = bare;
    this.id = id;
    this.role = role;
  }

  /** The session whose presence stands for the occupant: highest priority, then newest. */
  get primary(): Session {
    let best = this.sessions[0];
    if (best === undefined) throw new Error('an occupant has at least one session');
    for (const session of this.sessions) {
      if (
        session.priority > best.priority ||
        (session.priority === best.priority && session.updated > best.updated)
      )
        best = session;
    }
    return best;
  }
}

/** Nicks that look alike to a reader are one nick when it comes to conflicts (§7.2.8, §14.6 item 7). */
export function nickKey(nick: string): string {
  return nick.normalize('NFKC').toLowerCase();
}

/** What is around an entry of a list in the room's document; and a request to register, roughly. */
const ENTRY_CHARACTERS = 40;
const REGISTRATION_CHARACTERS = 1_000;

/** Characters that an entry adds to the lists. */
export function entrySize(
  bare: string,
  entry: { readonly nick: string | undefined; readonly reason: string | undefined } | undefined,
): number {
  return entry === undefined ? 0 : bare.length + (entry.nick?.length ?? 0) + (entry.reason?.length ?? 0);
}

/** A loaded room. Only state and questions about it: what happens to it is in the use cases. */
export class Room {
  readonly local: string;
  readonly jid: Jid;
  /** The room's JID as an attribute's value. */
  readonly address: string;
  config: RoomConfig;
  readonly affiliations = new Map<string, AffiliationEntry>();
  readonly occupants = new Map<string, Occupant>();
  readonly sessions = new Map<string, Session>();
  /** Messages that a newcomer may be shown, oldest first. */
  history: MessageDocument[] = [];
  /** Its characters, roughly: cut before they are too many. */
  historySize = 0;
  subject: Subject | null = null;
  vcard: RoomVcard | undefined = undefined;
  readonly voice = new Map<string, 'visitor' | 'participant'>();
  readonly registrations = new Map<string, { nick: string; fields: [string, string[]][] }>();
  locked = false;
  creator = '';
  createdAt = 0;
  destroyed = false;
  /** The newest entry of the room's archive, 0 where there is none. */
  lastArchiveId = 0;
  /** Milliseconds: when it was last used, for unloading and for rooms that were never configured. */
  lastUsed = 0;
  /** A counter of presences, so that "newest" does not hang on the clock. */
  updates = 0;
  /** Administrators of the service, by bare JID. */
  readonly admins: ReadonlySet<string>;
  readonly #keys = new Map<string, Occupant>();
  /** Who has reserved which nick. */
  readonly #reserved = new Map<string, string>();
  #addresses: readonly string[] | null = null;
  /** Characters of the affiliations: addresses, nicks and reasons. */
  listSize = 0;

  constructor(jid: Jid, config: RoomConfig, admins: ReadonlySet<string>) {
    this.jid = jid;
    this.admins = admins;
    this.local = jid.local;
    this.address = escapeAttribute(jid.bare);
    this.config = config;
  }

  addressOf(nick: string): string {
    return `${this.address}/${escapeAttribute(nick)}`;
  }

  /** §9.2: the bare JID first, then its domain (bans only). Administrators of the service are owners everywhere. */
  affiliationOf(bare: string): Affiliation {
    if (this.admins.has(bare)) return 'owner';
    const own = this.affiliations.get(bare);
    if (own !== undefined) return own.affiliation;
    const at = bare.indexOf('@');
    if (at < 0) return 'none';
    return this.affiliations.get(bare.slice(at + 1))?.affiliation === 'outcast' ? 'outcast' : 'none';
  }

  setAffiliation(bare: string, affiliation: Affiliation, nick?: string, reason?: string): void {
    const before = this.affiliations.get(bare);
    if (before?.nick !== undefined) this.#reserved.delete(nickKey(before.nick));
    this.listSize -= entrySize(bare, before);
    if (affiliation === 'none') {
      this.affiliations.delete(bare);
      return;
    }
    // §9.1: an outcast keeps no nick.
    const outcast = affiliation === 'outcast';
    const entry = {
      affiliation,
      nick: outcast ? undefined : nick,
      reason: outcast ? reason : undefined,
    };
    this.affiliations.set(bare, entry);
    this.listSize += entrySize(bare, entry);
    if (!outcast && nick !== undefined) this.#reserved.set(nickKey(nick), bare);
  }

  /** Characters of the room's document, roughly: what it costs to write it. */
  get documentSize(): number {
    return (
      this.listSize +
      ENTRY_CHARACTERS * (this.affiliations.size + this.voice.size) +
      REGISTRATION_CHARACTERS * this.registrations.size +
      (this.vcard?.text.length ?? 0) +
      (this.subject?.content.length ?? 0)
    );
  }

  withAffiliation(affiliation: Affiliation): [string, AffiliationEntry][] {
    return [...this.affiliations].filter(([, entry]) => entry.affiliation === affiliation);
  }

  get owners(): string[] {
    return this.withAffiliation('owner').map(([bare]) => bare);
  }

  reservedNick(bare: string): string | undefined {
    return this.affiliations.get(bare)?.nick;
  }

  /** Whoever else has reserved this nick. */
  nickReservedByOther(nick: string, bare: string): boolean {
    const owner = this.#reserved.get(nickKey(nick));
    return owner !== undefined && owner !== bare;
  }

  /** The occupant whose nick is this one or reads like it. */
  occupantLike(nick: string): Occupant | undefined {
    return this.occupants.get(nick) ?? this.#keys.get(nickKey(nick));
  }

  roleOnEntry(bare: string): Role {
    const role = initialRole(this.affiliationOf(bare), this.config);
    if (role === 'none' || role === 'moderator' || !this.config.moderated) return role;
    return this.voice.get(bare) ?? role;
  }

  addOccupant(occupant: Occupant): void {
    this.occupants.set(occupant.nick, occupant);
    this.#keys.set(nickKey(occupant.nick), occupant);
  }

  /** The addresses of all sessions: the same array until somebody comes or goes, so that what is made of it can be kept. */
  get addresses(): readonly string[] {
    this.#addresses ??= Array.from(this.sessions.values(), (session) => session.address);
    return this.#addresses;
  }

  addSession(session: Session): void {
    this.#addresses = null;
    session.updated = ++this.updates;
    session.occupant.sessions.push(session);
    this.sessions.set(session.jid.full, session);
  }

  /** Takes the session out, and its occupant with the last one. */
  removeSession(session: Session): void {
    const { occupant } = session;
    this.#addresses = null;
    this.sessions.delete(session.jid.full);
    const at = occupant.sessions.indexOf(session);
    if (at >= 0) occupant.sessions.splice(at, 1);
    if (occupant.sessions.length === 0) this.#removeOccupant(occupant);
  }

  renameOccupant(occupant: Occupant, nick: string): void {
    this.#removeOccupant(occupant);
    occupant.nick = nick;
    occupant.address = this.addressOf(nick);
    this.addOccupant(occupant);
  }

  #removeOccupant(occupant: Occupant): void {
    if (this.occupants.get(occupant.nick) === occupant) this.occupants.delete(occupant.nick);
    const key = nickKey(occupant.nick);
    if (this.#keys.get(key) === occupant) this.#keys.delete(key);
  }

  /** §5.1.1, `presencebroadcast`: whether others see the presence of whoever has this role. */
  broadcasts(role: Role): boolean {
    return (this.config.presenceBroadcast as readonly string[]).includes(role);
  }

  /** §7.2.3, §7.2.4: whether someone of this role sees real JIDs. */
  showsJids(viewer: Role): boolean {
    return this.config.whois === 'anyone' || viewer === 'moderator';
  }

  toDocument(): RoomDocument {
    return {
      config: this.config,
      affiliations: [...this.affiliations].map(([jid, { affiliation, nick, reason }]) => ({
        jid,
        affiliation,
        ...(nick === undefined ? {} : { nick }),
        ...(reason === undefined ? {} : { reason }),
      })),
      subject: this.subject,
      voice: [...this.voice],
      registrations: [...this.registrations],
      ...(this.vcard === undefined ? {} : { vcard: this.vcard }),
      locked: this.locked,
      creator: this.creator,
      createdAt: this.createdAt,
    };
  }

  static fromDocument(jid: Jid, document: RoomDocument, admins: ReadonlySet<string>): Room {
    const room = new Room(jid, document.config, admins);
    for (const { jid: bare, affiliation, nick, reason } of document.affiliations)
      room.setAffiliation(bare, affiliation, nick, reason);
    room.subject = document.subject;
    for (const [bare, role] of document.voice) room.voice.set(bare, role);
    for (const [bare, request] of document.registrations) room.registrations.set(bare, request);
    room.vcard = document.vcard;
    room.locked = document.locked;
    room.creator = document.creator;
    room.createdAt = document.createdAt;
    return room;
  }
}
