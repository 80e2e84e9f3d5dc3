import type { ClientOrigin, Upstream } from '../upstreams/upstream.js';
import type { BoshLimits } from './limits.js';
import type { SessionTerms } from './negotiation.js';
import type { WaitingRoom } from './waiting-room.js';

/** What is still asked of a session that is over. */
export interface EndedSession {
  readonly sid: string;
  readonly terms: SessionTerms;
  readonly origin: ClientOrigin;
}

/** What a BOSH session is made with. */
export interface BoshSessionOptions {
  readonly sid: string;
  readonly terms: SessionTerms;
  readonly limits: BoshLimits;
  readonly room: WaitingRoom;
  readonly upstream: Upstream;
  readonly origin: ClientOrigin;
  /**
   * The session is over, and why. `lingers` says that it can still repeat its last responses and tell what happened;
   * otherwise it is to be forgotten at once.
   */
  readonly over: (session: EndedSession, why: string, lingers: boolean) => void;
}
