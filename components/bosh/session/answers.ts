import type { BodyAttributes } from './body-response.js';
import type { HeldRequest } from './held-request.js';
import type { OpenRequests } from './open-requests.js';
import type { Batch, Outbox } from './outbox.js';
import type { Responder } from './responder.js';

/**
 * Which of a session's held requests is answered when, and with what of the server's elements. `received` is always the
 * highest rid up to which all requests have come.
 */
export class Answers {
  readonly #open: OpenRequests;
  readonly #outbox: Outbox;
  readonly #responder: Responder;
  /** So many requests may be held open. */
  readonly #hold: number;
  /** Set until the creation request has been answered. */
  #creation: HeldRequest | undefined;
  #creationTimer: NodeJS.Timeout | undefined;

  constructor(open: OpenRequests, outbox: Outbox, responder: Responder, hold: number) {
    this.#open = open;
    this.#outbox = outbox;
    this.#responder = responder;
    this.#hold = hold;
  }

  /** The creation request waits so many seconds for the server's header; `waited` is called when they are over. */
  begin(creation: HeldRequest, seconds: number, waited: () => void): void {
    this.#creation = creation;
    this.#open.held.push(creation);
    creation.due = seconds === 0;
    if (seconds > 0) this.#creationTimer = setTimeout(waited, seconds * 1000);
  }

  isCreation(held: HeldRequest): boolean {
    return held === this.#creation;
  }

  /** The creation request need wait no longer, or only of a client that named no version. */
  creationDue(legacyOnly = false): void {
    const creation = this.#creation;
    if (creation !== undefined && (!legacyOnly || creation.request.version === undefined))
      creation.due = true;
  }

  stop(): void {
    clearTimeout(this.#creationTimer);
  }

  /** Answers, oldest first, whatever can or must be answered now; `blocked`: what the client has said waits. */
  flush(received: number, blocked: boolean): void {
    for (;;) {
      const oldest = this.#open.held[0];
      if (oldest === undefined || !this.#open.isAlive()) return;
      if (oldest === this.#creation && this.#outbox.isEmpty && !oldest.due) return;
      const crowded = this.#open.held.length > this.#hold && !blocked;
      if (this.#outbox.isEmpty && !crowded && !oldest.due) return;
      this.#open.held.shift();
      this.#giveTo(oldest, received);
    }
  }

  /** §"Inactivity": answers everything at once, the pause itself without payloads. */
  answerAll(pausing: HeldRequest, received: number): void {
    for (const held of this.#open.held.splice(0)) this.#giveTo(held, received);
    this.#respond(pausing, this.#outbox.none(), received);
  }

  /** §"Terminating the BOSH Session": the oldest connection hears `terminate`, the others an empty body. */
  terminate(last: HeldRequest, received: number): void {
    const open = [...this.#open.held.splice(0), last];
    const oldest = open.find(({ exchange }) => exchange.alive) ?? last;
    for (const held of open) {
      this.#respond(held, this.#outbox.none(), received, held === oldest ? { type: 'terminate' } : undefined);
    }
  }

  /** Where the connection of one is gone, what waits is for a newer one. */
  #giveTo(held: HeldRequest, received: number): void {
    this.#respond(held, held.exchange.alive ? this.#outbox.take() : this.#outbox.none(), received);
  }

  #respond(held: HeldRequest, batch: Batch, received: number, attributes?: BodyAttributes): void {
    const isCreation = held === this.#creation;
    if (isCreation) {
      this.#creation = undefined;
      clearTimeout(this.#creationTimer);
    }
    this.#responder.answer(held, batch, { received, isCreation, attributes });
  }
}
