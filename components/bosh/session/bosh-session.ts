import type {
  ClientEnd,
  ClientHeader,
  ClientOrigin,
  ServerElement,
  ServerHeader,
  UpstreamEnd,
  UpstreamStream,
} from '../upstreams/upstream.js';
import { Acknowledgements } from './acknowledgements.js';
import { Activity } from './activity.js';
import { Answers } from './answers.js';
import { Backlog } from './backlog.js';
import type { BodyRequest } from './body-request.js';
import { recoverable, writeBody, writeTerminal } from './body-response.js';
import type { TerminalCondition } from './conditions.js';
import { type AtEndOfTurn, atEndOfTurn } from './end-of-turn.js';
import type { Exchange } from './exchange.js';
import { HeldRequest } from './held-request.js';
import { KeySequence } from './key-sequence.js';
import { LastWords } from './last-words.js';
import { LazyTimer } from './lazy-timer.js';
import type { SessionTerms } from './negotiation.js';
import { OpenRequests } from './open-requests.js';
import { Outbox } from './outbox.js';
import { Responder } from './responder.js';
import { ResponseCache } from './response-cache.js';
import type { BoshSessionOptions } from './session-options.js';
import { clientEndOf, headerOf, restartHeader } from './stream-header.js';
import { Waits } from './waits.js';

const none: readonly string[] = [];

/**
 * One BOSH session (XEP-0124, XEP-0206): requests in the order of their rids to one stream of the upstream, and what that
 * stream brings into the responses. It lives from its creation request until either side ends it or nobody asks for it.
 */
export class BoshSession implements AtEndOfTurn {
  readonly sid: string;
  readonly terms: SessionTerms;
  readonly origin: ClientOrigin;
  readonly #options: BoshSessionOptions;
  readonly #outbox = new Outbox();
  readonly #cache: ResponseCache;
  readonly #acknowledgements: Acknowledgements;
  readonly #responder: Responder;
  readonly #answers: Answers;
  readonly #activity: Activity;
  readonly #keys: KeySequence;
  readonly #stream: UpstreamStream;
  /** The client's stream header, as its creation request had it. */
  readonly #header: ClientHeader;
  /** The rid to be processed next. */
  #expected: number;
  readonly #open: OpenRequests;
  readonly #backlog: Backlog;
  #flushScheduled = false;
  /** The server's first stream is open. */
  #isOpen = false;
  #pause: number | undefined;
  /** Runs while nobody asks. */
  readonly #inactivity = new LazyTimer(() => this.#inactive());
  readonly #waits: Waits;
  #over = false;
  readonly #lastWords: LastWords;

  constructor(options: BoshSessionOptions, request: BodyRequest, rid: number, exchange: Exchange) {
    this.#options = options;
    this.#open = new OpenRequests(options.room);
    this.#waits = new Waits(this.#open, options.terms.wait, (held) => this.#waited(held));
    this.sid = options.sid;
    this.terms = options.terms;
    this.origin = options.origin;
    this.#expected = rid + 1;
    // A response that is let go has had its chance to be asked for again.
    this.#cache = new ResponseCache(options.terms.requests, (one) => this.#acknowledgements.wasTaken(one));
    this.#acknowledgements = new Acknowledgements({
      terms: options.terms,
      reportAfterSeconds: options.limits.reportAfter,
      cache: this.#cache,
      stream: () => this.#stream,
    });
    this.#responder = new Responder(this.sid, this.terms, this.#cache, this.#acknowledgements);
    this.#answers = new Answers(this.#open, this.#outbox, this.#responder, this.terms.hold);
    this.#lastWords = new LastWords(this.#open, this.#responder, () => this.#settle());
    this.#activity = new Activity(options.terms);
    this.#keys = new KeySequence(request.newkey);
    const creation = new HeldRequest(request, rid, exchange);
    const { wait, hold } = options.terms;
    const patience = hold === 0 ? 0 : Math.min(wait, options.limits.creation);
    // No closure here may name `creation`: all share one scope, and the session would keep its first request for life.
    this.#answers.begin(creation, patience, () => this.#creationWaited());
    this.#watch(creation);
    this.#header = headerOf(request);
    this.#stream = options.upstream.open(this.#header, options.origin, {
      opened: (header) => this.#opened(header),
      element: (element) => this.#element(element),
      writable: () => this.#writable(),
      ended: (end) => this.#endedByServer(end),
    });
    this.#backlog = new Backlog(this.#stream, options.room);
    // nothing may end before the call has returned
    if (!this.#forward(creation)) setImmediate(() => this.#overwhelmed());
    this.#scheduleFlush();
  }

  #creationWaited(): void {
    this.#answers.creationDue();
    this.#flush();
  }

  /** The highest rid up to which all requests have come. */
  get #received(): number {
    return this.#expected - 1;
  }

  /** Requests that are being held open for this session. */
  get heldCount(): number {
    return this.#open.count;
  }

  /** Takes one request with this session's sid. */
  receive(request: BodyRequest, exchange: Exchange) {
    // §"Connection Between Client and BOSH Service": close, do not terminate, or anyone could end a secure session.
    if (this.origin.secure && !exchange.secure) return exchange.drop();
    const { rid } = request;
    if (rid === undefined) return this.fail('bad-request', exchange);
    if (rid < this.#expected) return this.#repeated(rid, request, exchange);
    // §"Protecting Insecure Sessions" to the last: they are not for whoever has only overheard the sid.
    if (this.#over)
      return this.#lastWords.tell(exchange, rid === this.#expected && this.#keys.accept(request));
    const held = new HeldRequest(request, rid, exchange);
    // §"In-Order Message Forwarding": the window begins after the previous request.
    if (rid >= this.#expected + this.terms.requests + (held.isPauseOrEnd ? 1 : 0)) {
      return this.fail('item-not-found', exchange);
    }
    const earlier = this.#open.findEarly(rid);
    if (earlier !== undefined) return this.#replace(earlier, request, exchange);
    const lastResponseWasEmpty = (this.#cache.last?.bytes ?? 1) === 0;
    const unanswered = this.heldCount - this.#open.additional + 1;
    if (this.#activity.isTooMuch(held, unanswered, lastResponseWasEmpty)) {
      return this.fail('policy-violation', exchange);
    }
    const isNext = rid === this.#expected && !this.#backlog.blocked;
    // §"Recoverable Binding Conditions": there is no room now; the client sends it again, after what is missing.
    if (!isNext && !this.#hasRoomFor(held)) {
      return exchange.respond(this.#responder.ok(recoverable));
    }
    this.#pause = undefined;
    this.#inactivity.clear();
    this.#waits.start(held);
    if (!isNext) this.#open.addEarly(held);
    this.#watch(held);
    if (isNext) this.#processNext(held);
    this.#processInOrder();
    this.#flush();
  }

  #hasRoomFor({ characters }: HeldRequest): boolean {
    const { room, limits } = this.#options;
    return this.#open.waitingCharacters + characters <= limits.bodyBytes && room.hasRoomFor(characters);
  }

  /** Ends the session by the client's fault and says so on `exchange`; everyone else waiting hears of it too. */
  fail(condition: TerminalCondition, exchange: Exchange): void {
    if (!this.#over) {
      this.#finish(condition, clientEndOf(condition), false);
      this.#lastWords.answerOthers(writeTerminal('other-request'));
    }
    this.#responder.refuse(exchange, condition);
  }

  /** Ends the session since this process stops. */
  shutdown(): void {
    if (this.#over) return;
    this.#finish('system-shutdown', 'system-shutdown', true);
    this.#lastWords.say(writeTerminal('system-shutdown'));
  }

  /** Ends what lingers. */
  forget(): void {
    this.#stream.close('connection-lost');
  }

  #watch(held: HeldRequest): void {
    const { exchange } = held;
    exchange.onLost(() => {
      if (held.exchange !== exchange) return;
      // Nobody can have learned the sid of a session whose creation was never answered.
      if (this.#answers.isCreation(held)) this.#inactive();
      else this.#watchInactivity();
    });
  }

  // ---- requests

  #processInOrder(): void {
    while (!this.#over && !this.#backlog.blocked) {
      const next = this.#open.takeEarly(this.#expected);
      if (next === undefined) return;
      this.#processNext(next);
    }
  }

  #processNext(next: HeldRequest): void {
    this.#expected++;
    this.#process(next);
  }

  #process(held: HeldRequest) {
    const { request, exchange } = held;
    if (!this.#keys.accept(request)) return this.fail('item-not-found', exchange);
    const { pause } = request;
    // §"Inactivity": where we did not offer it the client must not ask, nor for more than we offered.
    if (pause !== undefined && !(pause <= this.terms.maxpause))
      return this.fail('policy-violation', exchange);
    const report = this.#acknowledgements.take(held);
    if (report !== undefined) {
      this.#responder.report = report;
      held.due = true;
    }
    // XEP-0206 §"Authentication and Resource Binding": what a restart request carries is ignored.
    if (!request.restart) {
      if (!this.#forward(held)) return this.fail('internal-server-error', exchange);
    } else {
      const header = restartHeader(this.#header, request);
      if (header === undefined) return this.fail('host-unknown', exchange);
      this.#stream.restart(header);
    }
    if (request.type === 'terminate') return this.#endedByClient(held);
    if (pause !== undefined) return this.#pauseFor(pause, held);
    this.#open.held.push(held);
    if (this.terms.wait === 0) held.due = true;
  }

  #forward({ request }: HeldRequest): boolean {
    const { payloads } = request;
    request.payloads = none;
    return this.#backlog.forward(payloads);
  }

  /** There is no room for what the server's stream leaves. */
  #overwhelmed(): void {
    if (this.#over) return;
    this.#finish('no room', 'connection-lost', true);
    this.#lastWords.say(writeTerminal('internal-server-error'));
  }

  /** §"Inactivity": everything is answered, and the session waits longer (or shorter). */
  #pauseFor(seconds: number, pausing: HeldRequest): void {
    this.#answers.answerAll(pausing, this.#received);
    this.#pause = seconds;
    this.#inactivity.clear();
    this.#watchInactivity();
  }

  /** A rid that was received before (§"Broken Connections"). */
  #repeated(rid: number, request: BodyRequest, exchange: Exchange) {
    const held = this.#open.find(rid);
    if (held !== undefined) return this.#replace(held, request, exchange);
    const sent = this.#cache.get(rid);
    if (sent === undefined || sent.key?.toLowerCase() !== request.key?.toLowerCase()) {
      return this.fail('item-not-found', exchange);
    }
    if (++sent.repeats > this.#options.limits.repeats) return this.fail('policy-violation', exchange);
    this.#responder.repeat(sent, exchange);
    this.#inactivity.clear();
    this.#watchInactivity();
  }

  /** A copy of a request that has not been answered: the older one gets a recoverable error, the copy any answer. */
  #replace(held: HeldRequest, request: BodyRequest, exchange: Exchange) {
    if (held.request.key?.toLowerCase() !== request.key?.toLowerCase())
      return this.fail('item-not-found', exchange);
    if (++held.repeats > this.#options.limits.repeats) return this.fail('policy-violation', exchange);
    const older = held.exchange;
    held.exchange = exchange;
    if (older.alive) older.respond(this.#responder.ok(recoverable));
    this.#inactivity.clear();
    this.#watch(held);
    this.#flush();
  }

  #waited(held: HeldRequest): void {
    if (this.#over) return;
    const at = this.#open.held.indexOf(held);
    if (at < 0) {
      // Its predecessor never came, or the upstream is stuck: the client repeats what is missing (§"Recoverable Binding
      // Conditions").
      this.#open.takeEarly(held.rid);
      if (held.exchange.alive) held.exchange.respond(this.#responder.ok(recoverable));
      this.#watchInactivity();
      return;
    }
    for (const one of this.#open.held.slice(0, at + 1)) one.due = true;
    this.#flush();
  }

  // ---- responses

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // What the server sends together goes into one response.
    atEndOfTurn(this);
  }

  endOfTurn(): void {
    this.#flushScheduled = false;
    this.#flush();
  }

  #flush(): void {
    if (!this.#over) this.#answers.flush(this.#received, this.#backlog.blocked);
    this.#watchInactivity();
  }

  // ---- the server

  #opened(header: ServerHeader): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#responder.news = header;
    // RFC 6120 §4.7.5: to a client without a version the server sends no features, so there is nothing to wait for.
    this.#answers.creationDue(true);
    this.#scheduleFlush();
  }

  #element(element: ServerElement): void {
    if (this.#over) return;
    this.#outbox.put(element);
    if (element.kind !== 'error') return this.#scheduleFlush();
    // RFC 6120 §4.9.1.1: nothing follows a stream error. It ends the session now, or a response would carry it as if it
    // were a stanza, and another the end.
    this.#endedByServer(undefined);
  }

  #writable(): void {
    if (!this.#backlog.blocked || this.#over) return;
    if (!this.#backlog.resume()) return this.#overwhelmed();
    this.#processInOrder();
    this.#flush();
  }

  #endedByServer(end: UpstreamEnd): void {
    if (this.#over) return;
    // XEP-0206 §"remote-stream-error": the stanzas before the error, then the error, in one body.
    const condition = this.#outbox.hasError ? 'remote-stream-error' : end;
    const content = this.#outbox.take().content;
    this.#finish(condition ?? 'ended by the server', undefined, true);
    this.#lastWords.say(writeBody({ type: 'terminate', condition }, content));
  }

  // ---- the end

  /** What waits for the client is not sent: it has left, and the server answers for it. */
  #endedByClient(last: HeldRequest): void {
    this.#backlog.flush();
    if (!this.terms.acknowledgements) this.#acknowledgements.elementsUpTo(this.#cache.last?.lastElement ?? 0);
    this.#finish('terminated by the client', 'closed', true);
    this.#answers.terminate(last, this.#received);
    this.#lastWords.answerOthers(writeBody());
  }

  #inactive(): void {
    if (this.#over) return;
    this.#finish('inactivity', 'connection-lost', false);
    this.#lastWords.answerOthers(writeTerminal('item-not-found'));
  }

  /** Ends everything but the answers. `end` closes the stream; without one the server has ended it. */
  #finish(why: string, end: ClientEnd | undefined, lingers: boolean): void {
    this.#over = true;
    this.#answers.stop();
    this.#inactivity.stop();
    this.#waits.stop();
    this.#backlog.drop();
    if (end !== undefined) this.#stream.close(end);
    this.#options.over(this, why, lingers);
  }

  /** The last response has been written: no request can acknowledge it, so that counts as delivered. */
  #settle(): void {
    this.#acknowledgements.elementsUpTo(this.#outbox.none().last);
    this.#stream.close('closed');
  }

  /** §"Inactivity": counts while no request is being held open, from the last answer on, whatever the server sends. */
  #watchInactivity(): void {
    if (this.#over) return;
    if (this.#open.isAlive(true)) this.#inactivity.clear();
    else if (!this.#inactivity.isSet) {
      this.#inactivity.set((this.#pause ?? this.terms.inactivity) * 1000);
    }
  }
}
