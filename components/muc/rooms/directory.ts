import type { StorageError } from '../../../shared/storage/storage.js';
import { documentsOf } from '../../../shared/storage/walk.js';
import type { RoomConfig } from './config.js';
import type { RoomStore } from './store.js';

/** The public rooms by name (XEP-0045 §6.3), read once when first asked for and kept from then on. */
export class RoomDirectory {
  readonly #store: RoomStore;
  readonly #domain: string;
  #rooms: Map<string, string> | null = null;
  #reading: Promise<Map<string, string>> | null = null;
  /** What changed while the store was being read. */
  #changes = new Map<string, string | null>();
  #sorted: { jid: string; name: string }[] | null = null;

  readonly #bad: (local: string, error: StorageError) => void;

  constructor(store: RoomStore, domain: string, bad: (local: string, error: StorageError) => void) {
    this.#bad = bad;
    this.#store = store;
    this.#domain = domain;
  }

  /** A room was written, or (`config` null) has ended. */
  changed(local: string, config: RoomConfig | null, locked: boolean): void {
    const name = config?.public && !locked ? config.name || local : null;
    if (this.#rooms === null) {
      if (this.#reading !== null) this.#changes.set(local, name);
      return;
    }
    if (name === (this.#rooms.get(local) ?? null)) return;
    if (name === null) this.#rooms.delete(local);
    else this.#rooms.set(local, name);
    this.#move(local, name);
  }

  /** Rooms come and go all the time: one that changes must not cost a look at all of them. */
  #move(local: string, name: string | null): void {
    const sorted = this.#sorted;
    if (sorted === null) return;
    const jid = `${local}@${this.#domain}`;
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle]?.jid ?? '') < jid) low = middle + 1;
      else high = middle;
    }
    const present = sorted[low]?.jid === jid ? 1 : 0;
    sorted.splice(low, present, ...(name === null ? [] : [{ jid, name }]));
  }

  async list(): Promise<readonly { jid: string; name: string }[]> {
    this.#reading ??= this.#read().catch((error: unknown) => {
      this.#reading = null; // the next who asks tries again
      throw error;
    });
    const rooms = this.#rooms ?? (await this.#reading);
    this.#sorted ??= [...rooms]
      .map(([local, name]) => ({ jid: `${local}@${this.#domain}`, name }))
      .sort((a, b) => (a.jid < b.jid ? -1 : 1));
    return this.#sorted;
  }

  async #read(): Promise<Map<string, string>> {
    const rooms = new Map<string, string>();
    for await (const [local, { value }] of documentsOf(this.#store.rooms, this.#bad)) {
      if (value.config.public && !value.locked) rooms.set(local, value.config.name || local);
    }
    for (const [local, name] of this.#changes) {
      if (name === null) rooms.delete(local);
      else rooms.set(local, name);
    }
    this.#changes = new Map();
    this.#rooms = rooms;
    return rooms;
  }
}
