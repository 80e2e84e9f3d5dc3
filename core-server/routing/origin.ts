import type { Session } from '../sessions/session.js';

/** Through which door a stanza came; it decides what is believed and who waits for what. */
export interface Origin {
  readonly kind: 'session' | 'component' | 'server' | 'local';
  /** The session that sent it, when a client did. */
  readonly session: Session | null;
  /**
   * Marks the stanza in hand as not yet durable nor queued. Until the returned function is called the sender's
   * XEP-0198 `h` does not pass it (docs/architecture.md, "What is acknowledged"). Must be called while the stanza is handled.
   */
  hold(): () => void;
}

const nothing = () => {};

/** Made by this server itself: answers, bounces, presence on behalf of accounts. */
export const localOrigin: Origin = { kind: 'local', session: null, hold: () => nothing };
/** From a component or another server: those streams have no acknowledgements. */
export const componentOrigin: Origin = { kind: 'component', session: null, hold: () => nothing };
export const serverOrigin: Origin = { kind: 'server', session: null, hold: () => nothing };

/**
 * The origin of a stanza whose handling goes on later: what is held then counts for that stanza, not for the one the
 * client has sent meanwhile. `release` is called once at the end of the handling.
 */
export function heldOrigin(origin: Origin): { readonly origin: Origin; release(): void } {
  const releaseAll = origin.hold();
  let holders = 1;
  const release = () => {
    holders--;
    if (holders === 0) releaseAll();
  };
  const hold = () => {
    holders++;
    let released = false;
    return () => {
      if (!released) release();
      released = true;
    };
  };
  return { origin: { kind: origin.kind, session: origin.session, hold }, release };
}
