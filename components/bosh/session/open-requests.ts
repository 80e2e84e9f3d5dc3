import type { HeldRequest } from './held-request.js';
import type { WaitingRoom } from './waiting-room.js';

const none: readonly HeldRequest[] = [];

/** The requests of one session that have not been answered. */
export class OpenRequests {
  /** Processed, in the order of their rids. */
  readonly held: HeldRequest[] = [];
  /** Received before one with a lower rid: seldom any. */
  #early: Map<number, HeldRequest> | undefined;
  readonly #room: WaitingRoom;

  constructor(room: WaitingRoom) {
    this.#room = room;
  }

  get count(): number {
    return this.held.length + (this.#early?.size ?? 0);
  }

  /** Those that may come beside as many as `requests` says, and have come before an earlier one (§"Overactivity"). */
  get additional(): number {
    let count = 0;
    for (const held of this.#early?.values() ?? none) if (held.isPauseOrEnd) count++;
    return count;
  }

  /** Characters of payloads that wait for an earlier request. */
  get waitingCharacters(): number {
    let sum = 0;
    for (const held of this.#early?.values() ?? none) sum += held.characters;
    return sum;
  }

  /** Whether somebody is there to read an answer, of those held or (`any`) of all. */
  isAlive(any = false): boolean {
    for (const held of this.held) if (held.exchange.alive) return true;
    if (any) for (const held of this.#early?.values() ?? none) if (held.exchange.alive) return true;
    return false;
  }

  find(rid: number): HeldRequest | undefined {
    return this.held.find((held) => held.rid === rid);
  }

  findEarly(rid: number): HeldRequest | undefined {
    return this.#early?.get(rid);
  }

  addEarly(held: HeldRequest): void {
    this.#early ??= new Map();
    this.#early.set(held.rid, held);
    this.#room.take(held.characters);
  }

  takeEarly(rid: number): HeldRequest | undefined {
    const held = this.#early?.get(rid);
    if (held === undefined) return undefined;
    this.#room.leave(held.characters);
    this.#early?.delete(rid);
    if (this.#early?.size === 0) this.#early = undefined;
    return held;
  }

  /** Those whose wait was over at that time, in no order. */
  expired(now: number): HeldRequest[] {
    return this.#all().filter((held) => held.expiresAt <= now);
  }

  /** When the next wait is over; infinite: nobody waits. */
  get nextExpiry(): number {
    return this.#all().reduce((next, held) => Math.min(next, held.expiresAt), Number.POSITIVE_INFINITY);
  }

  /** Takes all away, in the order of their rids. */
  takeAll(): HeldRequest[] {
    const all = this.#all();
    this.#room.leave(this.waitingCharacters);
    this.held.length = 0;
    this.#early = undefined;
    return all;
  }

  #all(): HeldRequest[] {
    const early = [...(this.#early?.values() ?? none)];
    return [...this.held, ...early.sort((a, b) => a.rid - b.rid)];
  }
}
