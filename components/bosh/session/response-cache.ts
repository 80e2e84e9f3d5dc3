/** A response that was given, kept in case it was lost on the way (XEP-0124 §"Broken Connections"). */
export interface SentResponse {
  readonly rid: number;
  readonly body: string;
  /** The key of the request: a copy of it must have the same. */
  readonly key: string | undefined;
  readonly isPause: boolean;
  /** Elements from the server in it: their bytes, and the number of the last one among all elements (0: none yet). */
  readonly bytes: number;
  readonly lastElement: number;
  /** When it was sent, by the monotonic clock, in milliseconds. */
  readonly at: number;
  repeats: number;
  /** The client's connection has taken it. */
  taken: boolean;
}

/** The most recent responses of one session, in the order of their rids. */
export class ResponseCache {
  readonly #responses: SentResponse[] = [];
  readonly #size: number;
  readonly #released: (response: SentResponse) => void;

  /** Keeps `size` responses beside those to pauses; `released` hears of each that is let go. */
  constructor(size: number, released: (response: SentResponse) => void) {
    this.#size = size;
    this.#released = released;
  }

  add(response: SentResponse): void {
    this.#responses.push(response);
    let count = 0;
    for (const one of this.#responses) if (!one.isPause) count++;
    while (count > this.#size) {
      const oldest = this.#responses.shift();
      if (oldest === undefined) return;
      if (!oldest.isPause) count--;
      this.#released(oldest);
    }
  }

  get(rid: number): SentResponse | undefined {
    return this.#responses.find((response) => response.rid === rid);
  }

  get last(): SentResponse | undefined {
    return this.#responses.at(-1);
  }

  /** The client has the responses up to this rid: what they carried is acknowledged. Their texts stay while there is room. */
  lastUpTo(rid: number): SentResponse | undefined {
    return this.#responses.findLast((response) => response.rid <= rid);
  }
}
