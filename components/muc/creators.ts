import type { Logger } from '../../shared/observability/types.js';
import type { KeyValueCollection } from '../../shared/storage/storage.js';

const REMEMBERED = 10_000;

/** How many rooms each account has created that still exist: for the limit on them (XEP-0045 §14.6). */
export class Creators {
  readonly #collection: KeyValueCollection<{ rooms: string[] }>;
  readonly #log: Logger;
  /** Whether there is a limit, and so something to count. */
  readonly #counting: boolean;
  readonly #known = new Map<string, Set<string>>();

  constructor(collection: KeyValueCollection<{ rooms: string[] }>, counting: boolean, log: Logger) {
    this.#collection = collection;
    this.#counting = counting;
    this.#log = log;
  }

  /** What it comes to now: of rooms that are made one right after the other each counts for the next. */
  count(bare: string): number | Promise<number> {
    const known = this.#known.get(bare);
    if (known !== undefined) return known.size;
    return this.#load(bare).then((rooms) => rooms.size);
  }

  add(bare: string, local: string): void {
    this.#change(bare, (rooms) => rooms.add(local));
  }

  remove(bare: string, local: string): void {
    this.#change(bare, (rooms) => rooms.delete(local));
  }

  #change(bare: string, change: (rooms: Set<string>) => void): void {
    if (!this.#counting || bare === '') return;
    const known = this.#known.get(bare);
    // at once, if that can be
    if (known !== undefined) change(known);
    this.#load(bare)
      .then(async (rooms) => {
        if (rooms !== known) change(rooms);
        if (rooms.size === 0) await this.#collection.delete(bare);
        else await this.#collection.put(bare, { rooms: [...rooms] });
      })
      .catch((error: unknown) =>
        this.#log.warn(
          { code: 'muc.creators-write-failed', error: String(error) },
          'count of rooms not stored',
        ),
      );
  }

  async #load(bare: string): Promise<Set<string>> {
    const known = this.#known.get(bare);
    if (known !== undefined) return known;
    const stored = await this.#collection.get(bare);
    const rooms = this.#known.get(bare) ?? new Set(stored?.value.rooms);
    if (this.#known.size >= REMEMBERED) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(bare, rooms);
    return rooms;
  }
}
