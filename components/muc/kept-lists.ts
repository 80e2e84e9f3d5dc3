import { ADDRESSES_KEPT, LISTS_KEPT } from '../../shared/component/address-lists.js';

/** Addressees as text, with which the server may keep them under a number. */
export interface Block {
  readonly text: string;
  /** How many there are. */
  readonly taken: number;
  /** Its number; null where the server does not keep it. */
  list: number | null;
  /** How often it was sent, and when last, counted in uses of any list. */
  uses: number;
  lastUse: number;
}

/** One that was used within so many uses of any list keeps its place. */
const RECENT_USES = 4 * LISTS_KEPT;

/**
 * The lists of addresses that the server keeps for this stream (docs/protocols/address-lists.md). Only what is sent again has a
 * place: most lists, as of presence, are sent once. Where all places are taken, the one that was not used for longest gives way,
 * but none that is in use: what does not fit is sent as ever.
 */
export class KeptLists {
  #places: Block[] = [];
  #addresses = 0;
  #uses = 0;
  /** Nothing has become free before that use. */
  #fullUntil = 0;

  /** A new stream, or none: nothing is kept. */
  clear(): void {
    for (const block of this.#places) block.list = null;
    this.#places = [];
    this.#addresses = 0;
    this.#fullUntil = 0;
  }

  /** Notes that a list is sent; the number under which the server is to keep it from now on, null where it is not. */
  placeFor(block: Block): number | null {
    block.uses++;
    block.lastUse = ++this.#uses;
    if (block.list !== null || block.uses < 2 || this.#uses < this.#fullUntil) return null;
    if (this.#places.length < LISTS_KEPT && this.#addresses + block.taken <= ADDRESSES_KEPT)
      return this.#places.length;
    const [idle, place] = this.#idlest();
    const after = this.#addresses - (idle?.taken ?? 0) + block.taken;
    if (idle !== undefined && this.#uses - idle.lastUse > RECENT_USES && after <= ADDRESSES_KEPT)
      return place;
    this.#fullUntil = this.#uses + LISTS_KEPT;
    return null;
  }

  /** The server was told so. */
  kept(block: Block, place: number): void {
    const before = this.#places[place];
    if (before !== undefined) before.list = null;
    this.#addresses += block.taken - (before?.taken ?? 0);
    this.#places[place] = block;
    block.list = place;
  }

  #idlest(): [Block | undefined, number] {
    let place = 0;
    for (const [at, block] of this.#places.entries())
      if (block.lastUse < (this.#places[place]?.lastUse ?? 0)) place = at;
    return [this.#places[place], place];
  }
}
