import type { HeldRequest } from './held-request.js';

/** The requests of one session that have not been answered. */
export class OpenRequests {
  /** Processed, in the order of their rids. */
  readonly held: HeldRequest[] = [];
  /** Received before one with a lower rid. */
  readonly early = new Map<number, HeldRequest>();

  get count(): number {
    return this.held.length + this.early.size;
  }

  /** Those that may come beside as many as `requests` says, and have come before an earlier one (§"Overactivity"). */
  get additional(): number {
    let count = 0;
    for (const held of this.early.values()) if (held.isPauseOrEnd) count++;
    return count;
  }

  /** Characters of payloads that wait for an earlier request. */
  get waitingCharacters(): number {
    let sum = 0;
    for (const held of this.early.values()) sum += held.characters;
    return sum;
  }

  /** Whether somebody is there to read an answer, of those held or (`any`) of all. */
  isAlive(any = false): boolean {
    for (const held of this.held) if (held.exchange.alive) return true;
    if (any) for (const held of this.early.values()) if (held.exchange.alive) return true;
    return false;
  }

  find(rid: number): HeldRequest | undefined {
    return this.held.find((held) => held.rid === rid);
  }

  takeEarly(rid: number): HeldRequest | undefined {
    const held = this.early.get(rid);
    this.early.delete(rid);
    return held;
  }

  /** Takes all away, in the order of their rids. */
  takeAll(): HeldRequest[] {
    const early = [...this.early.values()].sort((a, b) => a.rid - b.rid);
    this.early.clear();
    const all = [...this.held.splice(0), ...early];
    for (const held of all) held.stopWaiting();
    return all;
  }
}
