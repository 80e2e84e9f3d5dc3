import { writeBody } from './body-response.js';
import type { Exchange } from './exchange.js';
import type { OpenRequests } from './open-requests.js';
import type { Responder } from './responder.js';

/** What the requests of a session that has ended hear (XEP-0124 §"Terminating the BOSH Session"). */
export class LastWords {
  readonly #open: OpenRequests;
  readonly #responder: Responder;
  /** They have been handed to the client's connection. */
  readonly #said: () => void;
  /** What the next request is told, where nobody was there when the session ended. */
  #kept: string | undefined;

  constructor(open: OpenRequests, responder: Responder, said: () => void) {
    this.#open = open;
    this.#responder = responder;
    this.#said = said;
  }

  /** Gives them to the oldest request, or keeps them for the next one. */
  say(body: string): void {
    const { held } = this.#open;
    const oldest = held.find(({ exchange }) => exchange.alive);
    if (oldest === undefined) this.#kept = body;
    else {
      oldest.exchange.respond(this.#responder.ok(body), this.#said);
      held.splice(held.indexOf(oldest), 1);
    }
    this.answerOthers(writeBody({ type: 'terminate' }));
  }

  /** A request after the end; `isNext`: the one that was expected. */
  tell(exchange: Exchange, isNext: boolean): void {
    const words = this.#kept;
    if (words === undefined || !isNext) return this.#responder.refuse(exchange, 'item-not-found');
    this.#kept = undefined;
    exchange.respond(this.#responder.ok(words), this.#said);
  }

  answerOthers(body: string): void {
    for (const { exchange } of this.#open.takeAll()) {
      if (exchange.alive) exchange.respond(this.#responder.ok(body));
    }
  }
}
