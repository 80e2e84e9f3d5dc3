import { forgetOldest } from '../../shared/forget-oldest.js';
import type { Logger } from '../../shared/observability/types.js';
import type { KeyValueCollection } from '../../shared/storage/storage.js';
import { type Jid, parseJid } from '../../shared/xmpp/jid.js';
import type { MucPolicy } from './context.js';

const REMEMBERED = 10_000;

/** Between two writes of one count there are so many milliseconds as it has rooms, but no more than this. */
const LONGEST_PAUSE = 5_000;

/** What of the service's policy is about counts. */
type RoomPolicy = Pick<MucPolicy, 'roomsPerUser' | 'roomsPerServer' | 'localDomains'>;

/** A count that is being written, or was a moment ago. */
interface Writing {
  readonly rooms: Set<string>;
  /** It is not what was written last. */
  changed: boolean;
  done: Promise<void>;
  pause?: NodeJS.Timeout;
}

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
  readonly #policy: RoomPolicy;
  readonly #log: Logger;
  readonly #known = new Map<string, Set<string>>();
  readonly #writing = new Map<string, Writing>();

  constructor(collection: KeyValueCollection<{ rooms: string[] }>, policy: RoomPolicy, log: Logger) {
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
      .then((rooms) => {
        if (rooms !== known) change(rooms);
        this.#write(of, rooms);
      })
      .catch((error: unknown) => this.#notStored(error));
  }

  /** It is written whole: whoever has a thousand rooms makes one more and leaves it, again and again. */
  #write(of: string, rooms: Set<string>): void {
    const before = this.#writing.get(of);
    if (before !== undefined) {
      before.changed = true;
      return;
    }
    const writing: Writing = { rooms, changed: true, done: Promise.resolve() };
    this.#writing.set(of, writing);
    this.#writeNow(of, writing);
  }

  #writeNow(of: string, writing: Writing): void {
    const { rooms } = writing;
    writing.changed = false;
    const written: Promise<unknown> =
      rooms.size === 0 ? this.#collection.delete(of) : this.#collection.put(of, { rooms: [...rooms] });
    writing.done = written
      .then(
        () => undefined,
        (error: unknown) => this.#notStored(error),
      )
      .then(() => {
        writing.pause = setTimeout(
          () => {
            if (writing.changed) this.#writeNow(of, writing);
            else this.#writing.delete(of);
          },
          Math.min(rooms.size, LONGEST_PAUSE),
        );
        writing.pause.unref();
      });
  }

  #notStored(error: unknown): void {
    this.#log.warn({ code: 'muc.creators-write-failed', error: String(error) }, 'count of rooms not stored');
  }

  /** Resolves when all that has changed is written. */
  async flush(): Promise<void> {
    const all = [...this.#writing].map(async ([of, writing]) => {
      await writing.done;
      clearTimeout(writing.pause);
      if (writing.changed) this.#writeNow(of, writing);
      await writing.done;
      clearTimeout(writing.pause);
      this.#writing.delete(of);
    });
    await Promise.all(all);
  }

  async #load(of: string): Promise<Set<string>> {
    const known = this.#known.get(of);
    if (known !== undefined) return known;
    const stored = await this.#collection.get(of);
    const rooms = this.#known.get(of) ?? this.#writing.get(of)?.rooms ?? new Set(stored?.value.rooms);
    this.#known.set(of, rooms);
    forgetOldest(this.#known, REMEMBERED);
    return rooms;
  }
}
