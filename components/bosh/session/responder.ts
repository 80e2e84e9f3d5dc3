import type { ServerHeader } from '../upstreams/upstream.js';
import type { Acknowledgements, Report } from './acknowledgements.js';
import { type BodyAttributes, writeBody, writePlain, writeTerminal } from './body-response.js';
import { legacyStatusOf, type TerminalCondition } from './conditions.js';
import type { Exchange, ExchangeResponse } from './exchange.js';
import type { HeldRequest } from './held-request.js';
import { creationAttributes, type SessionTerms } from './negotiation.js';
import type { Batch } from './outbox.js';
import type { ResponseCache, SentResponse } from './response-cache.js';

/** Writes the responses of one session: what stands on each `<body/>`, and what is kept of it. */
export class Responder {
  readonly #sid: string;
  readonly #terms: SessionTerms;
  readonly #cache: ResponseCache;
  readonly #acknowledgements: Acknowledgements;
  /** What the client has missed, to be told with the next response. */
  report: Report | undefined;
  /** The server's identity, until the client has been told (XEP-0206 §"Session Creation Response"). */
  news: ServerHeader | undefined;

  constructor(sid: string, terms: SessionTerms, cache: ResponseCache, acknowledgements: Acknowledgements) {
    this.#sid = sid;
    this.#terms = terms;
    this.#cache = cache;
    this.#acknowledgements = acknowledgements;
  }

  /**
   * Answers one request and keeps the answer. `received` is the highest rid up to which all have come; `isCreation` says
   * that this is the first response of the session.
   */
  answer(
    held: HeldRequest,
    batch: Batch,
    how: { received: number; isCreation: boolean; attributes: BodyAttributes | undefined },
  ): void {
    const { rid, request, exchange } = held;
    const own = how.isCreation
      ? creationAttributes(this.#terms, this.#sid, rid)
      : this.#usual(rid, how.received);
    const isPlain = own === undefined && this.news === undefined && how.attributes === undefined;
    const body = isPlain
      ? writePlain(batch.content)
      : writeBody({ ...own, ...this.#identity(), ...how.attributes }, batch.content);
    const response: SentResponse = {
      rid,
      body,
      key: request.key,
      isPause: request.pause !== undefined,
      bytes: batch.bytes,
      lastElement: batch.last,
      at: performance.now(),
      repeats: 0,
      taken: false,
    };
    this.#cache.add(response);
    if (exchange.alive) exchange.respond(this.ok(body), () => this.#acknowledgements.wasTaken(response));
  }

  /** Answers a copy of a request with the response that the first one got, byte for byte. */
  repeat(sent: SentResponse, exchange: Exchange): void {
    exchange.respond(this.ok(sent.body), () => this.#acknowledgements.wasTaken(sent));
  }

  /** §"Request Acknowledgements": `ack` is left out where it would say the rid that is answered. */
  #usual(rid: number, received: number): BodyAttributes | undefined {
    const report = this.report;
    const ack = this.#terms.acknowledgements && received !== rid ? received : undefined;
    if (report === undefined && ack === undefined) return undefined;
    this.report = undefined;
    return { ack, ...report };
  }

  #identity(): BodyAttributes {
    const news = this.news;
    this.news = undefined;
    return news === undefined ? {} : { from: news.from, authid: news.id, 'xmpp:version': news.version };
  }

  /** Says a terminal condition, to a legacy client by the HTTP status (§"HTTP Conditions"). Not kept. */
  refuse(exchange: Exchange, condition: TerminalCondition): void {
    const status = this.#terms.ver === undefined ? legacyStatusOf(condition) : undefined;
    exchange.respond(
      status === undefined
        ? this.ok(writeTerminal(condition))
        : { status, contentType: this.#terms.contentType, body: '' },
    );
  }

  ok(body: string): ExchangeResponse {
    return { status: 200, contentType: this.#terms.contentType, body };
  }
}
