import { randomBytes } from 'node:crypto';
import { networkOf } from '../../../shared/net/network.js';
import type { Logger } from '../../../shared/observability/types.js';
import type { ClientOrigin, Upstream } from '../upstreams/upstream.js';
import type { BodyRequest } from './body-request.js';
import { BoshSession } from './bosh-session.js';
import type { TerminalCondition } from './conditions.js';
import type { Exchange } from './exchange.js';
import type { BoshLimits } from './limits.js';
import type { SessionTerms } from './negotiation.js';
import type { EndedSession } from './session-options.js';
import { WaitingRoom } from './waiting-room.js';

/** How many ended sessions are remembered, so that a lost last response can be repeated. */
const mostLingering = 2_000;

/** Anything that counts as one client's session: BOSH or WebSocket. */
interface Counted {
  readonly origin: ClientOrigin;
}

/** All sessions of this process, and how many each address has. */
export class SessionTable {
  readonly #limits: BoshLimits;
  readonly #room: WaitingRoom;
  readonly #log: Logger;
  /** Part of each sid, so that a balancer can send a session's requests to the instance that has it. */
  readonly #tag: string;
  readonly #sessions = new Map<string, BoshSession>();
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  readonly #perAddress = new Map<string, number>();
  #count = 0;

  constructor(options: { limits: BoshLimits; log: Logger; tag: string }) {
    this.#limits = options.limits;
    this.#room = new WaitingRoom(options.limits.waitingBytes);
    this.#log = options.log;
    this.#tag = options.tag === '' ? '' : `${options.tag}-`;
  }

  /** Sessions of both kinds. */
  get size(): number {
    return this.#count;
  }

  get boshCount(): number {
    return this.#sessions.size - this.#lingering.size;
  }

  get heldRequests(): number {
    let held = 0;
    for (const session of this.#sessions.values()) held += session.heldCount;
    return held;
  }

  find(sid: string): BoshSession | undefined {
    return this.#sessions.get(sid);
  }

  /** Whether one more session for that address is within the limits. Counts it if so. */
  admit({ origin }: Counted): boolean {
    const network = networkOf(origin.address);
    const own = this.#perAddress.get(network) ?? 0;
    if (this.#count >= this.#limits.sessions || own >= this.#limits.sessionsPerAddress) return false;
    this.#perAddress.set(network, own + 1);
    this.#count++;
    return true;
  }

  /** A session that was admitted is over. */
  release({ origin }: Counted): void {
    const network = networkOf(origin.address);
    const own = (this.#perAddress.get(network) ?? 1) - 1;
    if (own > 0) this.#perAddress.set(network, own);
    else this.#perAddress.delete(network);
    this.#count--;
  }

  /** Makes a session; a condition says why not. */
  create(
    request: BodyRequest,
    exchange: Exchange,
    how: { terms: SessionTerms; origin: ClientOrigin; upstream: Upstream },
  ): BoshSession | TerminalCondition {
    if (request.rid === undefined) return 'bad-request';
    if (!this.admit(how)) {
      this.#log.warn(
        { code: 'bosh.too-many-sessions', address: how.origin.address },
        'a session was refused',
      );
      return 'policy-violation';
    }
    // XEP-0124 §"Unpredictable SID and RID".
    const sid = `${this.#tag}${randomBytes(16).toString('base64url')}`;
    const over = (session: EndedSession, why: string, lingers: boolean) => this.#over(session, why, lingers);
    const session = new BoshSession(
      { sid, limits: this.#limits, room: this.#room, over, ...how },
      request,
      request.rid,
      exchange,
    );
    this.#sessions.set(sid, session);
    this.#log.debug(
      { code: 'bosh.session-created', session: tail(sid), address: how.origin.address },
      'session',
    );
    return session;
  }

  #over(session: EndedSession, why: string, lingers: boolean): void {
    this.release(session);
    this.#log.debug({ code: 'bosh.session-ended', session: tail(session.sid), why }, 'session ended');
    if (!lingers) {
      this.#sessions.delete(session.sid);
      return;
    }
    const [oldest] = this.#lingering.keys();
    if (this.#lingering.size >= mostLingering && oldest !== undefined) this.#forget(oldest);
    const { sid, terms } = session;
    this.#lingering.set(
      sid,
      setTimeout(() => this.#forget(sid), terms.inactivity * 1000),
    );
  }

  #forget(sid: string): void {
    clearTimeout(this.#lingering.get(sid));
    this.#lingering.delete(sid);
    this.#sessions.get(sid)?.forget();
    this.#sessions.delete(sid);
  }

  /** Ends all sessions: this process stops. */
  shutdown(): void {
    for (const session of [...this.#sessions.values()]) session.shutdown();
    for (const sid of [...this.#lingering.keys()]) this.#forget(sid);
  }
}

/** The end of a sid: enough to follow a session in the log, not enough to take it over. */
function tail(sid: string): string {
  return `…${sid.slice(-6)}`;
}
