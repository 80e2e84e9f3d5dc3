import type { Jid } from '../../../shared/xmpp/jid.js';
import type { Room } from './room.js';

type Action = (room: Room | null) => void;
interface Waiting {
  readonly actions: { action: Action; failed: (error: unknown) => void; size: number }[];
}

/**
 * The rooms in memory. One is loaded on first use and stays while somebody is in it; what comes for it meanwhile waits
 * in order. Nothing here is a cache of others' data: this process owns the rooms.
 */
export class RoomRegistry {
  readonly loaded = new Map<string, Room>();
  readonly #waiting = new Map<string, Waiting>();
  /** Rooms whose removal is not durable yet: the store still has them, we do not. */
  readonly #removing = new Map<string, number>();
  #size = 0;
  readonly #load: (jid: Jid) => Promise<Room | null>;
  readonly #exists: (local: string) => boolean | 'async';
  readonly #jidOf: (local: string) => Jid;

  constructor(options: {
    load: (jid: Jid) => Promise<Room | null>;
    exists: (local: string) => boolean | 'async';
    jidOf: (local: string) => Jid;
  }) {
    this.#load = options.load;
    this.#exists = options.exists;
    this.#jidOf = options.jidOf;
  }

  /** What the actions keep that wait for rooms to be loaded, as they said. */
  get waitingSize(): number {
    return this.#size;
  }

  /**
   * Calls `action` with the room, at once where it is in memory or does not exist, else when it has been loaded. `size`: what
   * it keeps while it waits, in characters.
   */
  use(local: string, action: Action, failed: (error: unknown) => void, size = 0): void {
    const waiting = this.#waiting.get(local);
    if (waiting !== undefined) {
      this.#size += size;
      waiting.actions.push({ action, failed, size });
      return;
    }
    const room = this.loaded.get(local);
    if (room !== undefined) {
      action(room);
      return;
    }
    let exists: boolean | 'async';
    try {
      exists = !this.#removing.has(local) && this.#exists(local);
    } catch (error) {
      failed(error); // its document cannot be read
      return;
    }
    if (exists === false) action(null);
    else {
      this.#size += size;
      this.#waiting.set(local, { actions: [{ action, failed, size }] });
      this.#load(this.#jidOf(local)).then(
        (found) => {
          if (found !== null) this.loaded.set(local, found);
          this.#resume(local);
        },
        (error: unknown) => {
          const refused = this.#waiting.get(local)?.actions ?? [];
          this.#waiting.delete(local);
          for (const { failed: tell, size: held } of refused) {
            this.#size -= held;
            tell(error);
          }
        },
      );
    }
  }

  /** As {@link use}, for callers that can wait. */
  find(local: string): Promise<Room | null> {
    return new Promise((resolve, reject) => this.use(local, resolve, reject));
  }

  /** Makes everything that comes for the room wait until `until` has settled. */
  hold(local: string, until: Promise<unknown>): void {
    if (!this.#waiting.has(local)) this.#waiting.set(local, { actions: [] });
    const resume = (): void => this.#resume(local);
    until.then(resume, resume);
  }

  #resume(local: string): void {
    const waiting = this.#waiting.get(local);
    if (waiting === undefined) return;
    this.#waiting.delete(local);
    for (let next = waiting.actions.shift(); next !== undefined; next = waiting.actions.shift()) {
      this.#size -= next.size;
      next.action(this.loaded.get(local) ?? null);
      const held = this.#waiting.get(local);
      if (held !== undefined) {
        // The action began something that the rest must wait for.
        held.actions.push(...waiting.actions);
        return;
      }
    }
  }

  add(room: Room): void {
    this.loaded.set(room.local, room);
  }

  /** The room is gone from now on; call the result when that is durable. */
  remove(room: Room): () => void {
    if (this.loaded.get(room.local) === room) this.loaded.delete(room.local);
    this.#removing.set(room.local, (this.#removing.get(room.local) ?? 0) + 1);
    return () => {
      const left = (this.#removing.get(room.local) ?? 1) - 1;
      if (left === 0) this.#removing.delete(room.local);
      else this.#removing.set(room.local, left);
    };
  }

  /** Forgets a room that nobody is in; the store has it. */
  unload(room: Room): void {
    if (this.loaded.get(room.local) === room) this.loaded.delete(room.local);
  }
}
