import { createHash } from 'node:crypto';

/** Characters of a key that is kept as it is. */
const KEY_LENGTH = 512;

/**
 * What the service has sent and waits for, in two kinds of use: answers to its own requests, and stanzas it passed on
 * whose answers it passes back. Bounded in number and time; the oldest gives way. A key may be made of what others chose,
 * as the id of their stanza, which can be as long as that: of a long one its hash is kept.
 */
export class PendingTable {
  readonly #entries = new Map<
    string,
    { value: unknown; expires: number; expired: (() => void) | undefined }
  >();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(key: string, value: unknown, expires: number, expired?: () => void): void {
    if (this.#entries.size >= this.#limit) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#expire(oldest.value);
    }
    this.#entries.set(shortened(key), { value, expires, expired });
  }

  peek(key: string): unknown {
    return this.#entries.get(shortened(key))?.value;
  }

  take(key: string): unknown {
    const kept = shortened(key);
    const entry = this.#entries.get(kept);
    this.#entries.delete(kept);
    return entry?.value;
  }

  /** Drops what was not answered in time. Entries are in order of their coming, not of their end: all are looked at. */
  sweep(now: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.expires <= now) this.#expire(key);
    }
  }

  #expire(key: string): void {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    entry?.expired?.();
  }
}

function shortened(key: string): string {
  return key.length <= KEY_LENGTH ? key : createHash('sha256').update(key).digest('base64');
}
