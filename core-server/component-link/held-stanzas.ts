import type { Stanza } from '../../shared/xml/stanza.js';
import type { ComponentStream } from './component-stream.js';

const HELD_STANZAS = 5000;
const HELD_BYTES = 8 * 1024 * 1024;
/** More stanzas than are ever counted. */
const OLDER = 2 ** 50;

/** A stanza for a component domain, and what decides which of its processes gets it. */
export interface Addressed {
  readonly stanza: Stanza;
  /** Whose stanzas it keeps its place among; null for an answer, which belongs to who asked. */
  readonly owner: string | null;
  /** The process it must go to, asked whenever it is to be sent; undefined: the one that the owner belongs to. */
  readonly place: () => ComponentStream | undefined;
  /** Hears on which stream it has gone. */
  readonly sent: ((stream: ComponentStream) => void) | undefined;
  /** It was sent before, to a process that is lost: older than all that has only waited. */
  readonly again: boolean;
}

interface Held {
  readonly addressed: Addressed;
  readonly sequence: number;
  readonly release: () => void;
}

/**
 * What waits for a component domain: for each of its streams in order, and while it has none. One process that does not
 * read keeps nothing from the others. All stanzas of an owner wait for the same stream.
 */
export class HeldStanzas {
  #queues = new Map<ComponentStream | null, Held[]>();
  /** The stream that an owner's stanzas wait for, and how many. */
  #owners = new Map<string, { readonly stream: ComponentStream | null; count: number }>();
  #bytes = 0;
  #size = 0;
  #sequence = 0;

  get size(): number {
    return this.#size;
  }

  waitsFor(stream: ComponentStream | null): boolean {
    return this.#size > 0 && this.#queues.has(stream);
  }

  /** Where earlier stanzas of this owner wait. */
  streamOf(owner: string | null): ComponentStream | undefined {
    return (owner === null ? undefined : this.#owners.get(owner)?.stream) ?? undefined;
  }

  /** Keeps it for a stream, or (null) for whichever comes; false when there is no room. `hold` as of its origin. */
  add(addressed: Addressed, stream: ComponentStream | null, hold: () => () => void): boolean {
    const bytes = addressed.stanza.source.length;
    if (this.#size >= HELD_STANZAS || this.#bytes + bytes > HELD_BYTES) return false;
    const sequence = ++this.#sequence - (addressed.again ? OLDER : 0);
    this.#keep({ addressed, sequence, release: hold() }, stream);
    return true;
  }

  /** Hands out what waits for a stream while `give` takes it. */
  release(stream: ComponentStream, give: (addressed: Addressed) => boolean): void {
    const queue = this.#queues.get(stream) ?? [];
    for (let held = queue[0]; held !== undefined; held = queue[0]) {
      if (!give(held.addressed)) return;
      queue.shift();
      this.#forget(held);
      held.release();
    }
    this.#queues.delete(stream);
  }

  /** The processes have changed: each stanza waits for the one that `choose` says, in the order that they came in. */
  rearrange(choose: (addressed: Addressed) => ComponentStream | undefined): void {
    for (const held of this.#takeAll()) this.#keep(held, choose(held.addressed) ?? null);
  }

  /** Nobody will come for them. */
  abandon(give: (stanza: Stanza) => void): void {
    for (const { addressed, release } of this.#takeAll()) {
      give(addressed.stanza);
      release();
    }
  }

  #takeAll(): readonly Held[] {
    const all = [...this.#queues.values()].flat().sort((a, b) => a.sequence - b.sequence);
    this.#queues = new Map();
    this.#owners = new Map();
    this.#bytes = 0;
    this.#size = 0;
    return all;
  }

  #keep(held: Held, stream: ComponentStream | null): void {
    const queue = this.#queues.get(stream);
    if (queue === undefined) this.#queues.set(stream, [held]);
    else queue.push(held);
    this.#size++;
    this.#bytes += held.addressed.stanza.source.length;
    const { owner } = held.addressed;
    if (owner === null) return;
    const waiting = this.#owners.get(owner);
    if (waiting === undefined) this.#owners.set(owner, { stream, count: 1 });
    else waiting.count++;
  }

  #forget(held: Held): void {
    this.#size--;
    this.#bytes -= held.addressed.stanza.source.length;
    const { owner } = held.addressed;
    const waiting = owner === null ? undefined : this.#owners.get(owner);
    if (owner === null || waiting === undefined) return;
    waiting.count--;
    if (waiting.count === 0) this.#owners.delete(owner);
  }
}
