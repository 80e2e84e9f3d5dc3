import type { UpstreamStream } from '../upstreams/upstream.js';
import type { HeldRequest } from './held-request.js';
import type { SessionTerms } from './negotiation.js';
import type { ResponseCache, SentResponse } from './response-cache.js';

/** A response that the client has missed (XEP-0124 §"Response Acknowledgements"); `time` in milliseconds. */
export interface Report {
  readonly report: number;
  readonly time: number;
}

/** What is known of which responses, and which of the server's elements, have reached the client. */
export class Acknowledgements {
  readonly #terms: SessionTerms;
  readonly #reportAfterSeconds: number;
  readonly #cache: ResponseCache;
  readonly #stream: () => UpstreamStream;
  #elements = 0;

  constructor(options: {
    terms: SessionTerms;
    reportAfterSeconds: number;
    cache: ResponseCache;
    stream: () => UpstreamStream;
  }) {
    this.#terms = options.terms;
    this.#reportAfterSeconds = options.reportAfterSeconds;
    this.#cache = options.cache;
    this.#stream = options.stream;
  }

  /** Learns from a request what the client has got; answers with what it should be told that it has missed. */
  take({ request, rid, isEmpty }: HeldRequest): Report | undefined {
    if (!this.#terms.acknowledgements) {
      // A client may not have more than `requests` unanswered: it has seen what was before them. And it asks without
      // having anything to say only when fewer than `hold` requests are open.
      const open = isEmpty ? Math.max(1, this.#terms.hold) : this.#terms.requests;
      this.#upTo(rid - open);
      return undefined;
    }
    const last = this.#cache.last?.rid ?? 0;
    const ack = request.ack === undefined || Number.isNaN(request.ack) ? last : Math.min(request.ack, last);
    this.#upTo(ack);
    const missing = ack < last ? this.#cache.get(ack + 1) : undefined;
    if (missing === undefined) return undefined;
    const time = Math.round(performance.now() - missing.at);
    return time < this.#reportAfterSeconds * 1000 ? undefined : { report: missing.rid, time };
  }

  #upTo(rid: number): void {
    const response = this.#cache.lastUpTo(rid);
    if (response === undefined) return;
    this.wasTaken(response);
    this.elementsUpTo(response.lastElement);
  }

  /** All of the server's elements up to this number have arrived. */
  elementsUpTo(count: number): void {
    if (count <= this.#elements) return;
    this.#elements = count;
    this.#stream().acknowledged(count);
  }

  /** The client's connection took a response, so as many bytes may come from the server. */
  wasTaken(response: SentResponse): void {
    if (response.taken) return;
    response.taken = true;
    if (response.bytes > 0) this.#stream().taken(response.bytes);
  }
}
