import type { ServerElement } from '../upstreams/upstream.js';

/** What was taken out for one response. */
export interface Batch {
  readonly content: string;
  readonly bytes: number;
  /** Number of the last element among all that the stream has brought, from 1; 0: none yet. */
  readonly last: number;
}

/** Elements from the server that wait for a request to answer. Its size is bounded by the stream's credit. */
export class Outbox {
  #texts: string[] = [];
  #bytes = 0;
  /** Elements put in since the stream was opened. */
  #count = 0;
  #hasError = false;

  get isEmpty(): boolean {
    return this.#texts.length === 0;
  }

  /** Whether a stream error is among what waits. */
  get hasError(): boolean {
    return this.#hasError;
  }

  put(element: ServerElement): void {
    this.#texts.push(element.text);
    this.#bytes += element.bytes;
    this.#count++;
    if (element.kind === 'error') this.#hasError = true;
  }

  /** Takes everything out. */
  take(): Batch {
    const batch = {
      content: this.#texts.length === 1 ? (this.#texts[0] ?? '') : this.#texts.join(''),
      bytes: this.#bytes,
      last: this.#count,
    };
    this.#texts = [];
    this.#bytes = 0;
    return batch;
  }

  /** A batch of nothing: for a response that is given although something may wait. */
  none(): Batch {
    return { content: '', bytes: 0, last: this.#count - this.#texts.length };
  }
}
