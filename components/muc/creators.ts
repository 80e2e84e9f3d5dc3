import { forgetOldest } from '../../shared/forget-oldest.js';
import type { Logger } from '../../shared/observability/types.js';
import type { KeyValueCollection } from '../../shared/storage/storage.js';
import { type Jid, parseJid } from '../../shared/xmpp/jid.js';
import type { MucPolicy } from './context.js';

const REMEMBERED = 10_000;

/** How many rooms may exist at once that somebody has created. */
interface RoomLimit {
  /** Whose rooms are counted: an account's bare JID, or another server's domain after an `@`. */
  readonly of: string;
  readonly per: 'user' | 'server';
  readonly rooms: number;
}

/**
 * How many rooms each account, and the accounts of each other server together, have created that still exist: for the limits
 * on them (XEP-0045 §14.6). Whoever has a domain has as many accounts as he likes.
 */
export class Creators {
  readonly #collection: KeyValueCollection<{ rooms: string[] }>;
  readonly #policy: MucPolicy;
  readonly #log: Logger;
  readonly #known = new Map<string, Set<string>>();

  constructor(collection: KeyValueCollection<{ rooms: string[] }>, policy: MucPolicy, log: Logger) {
    this.#collection = collection;
    this.#policy = policy;
    this.#log = log;
  }

  /** The limits on what this account may create; none where nothing is counted. */
  limits({ bare, domain }: Jid): RoomLimit[] {
    const { roomsPerUser, roomsPerServer, localDomains } = this.#policy;
    const limits: RoomLimit[] = [];
    if (roomsPerUser > 0) limits.push({ of: bare, per: 'user', rooms: roomsPerUser });
    if (roomsPerServer > 0 && !localDomains.has(domain))
      limits.push({ of: `@${domain}`, per: 'server', rooms: roomsPerServer });
    return limits;
  }

  /** What it comes to now: of rooms that are made one right after the other each counts for the next. */
  count(of: string): number | Promise<number> {
    const known = this.#known.get(of);
    if (known !== undefined) return known.size;
    return this.#load(of).then((rooms) => rooms.size);
  }

  add(creator: string, local: string): void {
    this.#change(creator, (rooms) => rooms.add(local));
  }

  remove(creator: string, local: string): void {
    this.#change(creator, (rooms) => rooms.delete(local));
  }

  #change(creator: string, change: (rooms: Set<string>) => void): void {
    const address = parseJid(creator);
    if (address === null) return;
    for (const { of } of this.limits(address)) this.#changeOne(of, change);
  }

  #changeOne(of: string, change: (rooms: Set<string>) => void): void {
    const known = this.#known.get(of);
    // at once, if that can be
    if (known !== undefined) change(known);
    this.#load(of)
      .then(async (rooms) => {
        if (rooms !== known) change(rooms);
        if (rooms.size === 0) await this.#collection.delete(of);
        else await this.#collection.put(of, { rooms: [...rooms] });
      })
      .catch((error: unknown) =>
        this.#log.warn(
          { code: 'muc.creators-write-failed', error: String(error) },
          'count of rooms not stored',
        ),
      );
  }

  async #load(of: string): Promise<Set<string>> {
    const known = this.#known.get(of);
    if (known !== undefined) return known;
    const stored = await this.#collection.get(of);
    const rooms = this.#known.get(of) ?? new Set(stored?.value.rooms);
    this.#known.set(of, rooms);
    forgetOldest(this.#known, REMEMBERED);
    return rooms;
  }
}
