import type { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid, Jid } from '../../shared/xmpp/jid.js';
import type { Origin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';

/** The doors of the presence features; implemented in `presence.ts` and its siblings. */
export interface PresenceHandlers {
  /** From one of our clients, `from` stamped (full JID), with or without `to`. */
  outbound(stanza: Stanza, session: Session): void;
  /** For an account of ours, from anybody. */
  inbound(stanza: Stanza, to: Jid, account: AccountState, origin: Origin): void;
  /** For the server itself. */
  toServer(stanza: Stanza, origin: Origin): void;
  /** The session ends: unavailable presence goes to everybody who saw it (RFC 6121 §4.5.2, §4.6.3). */
  sessionEnded(session: Session): void;
  /** A contact leaves the roster: both subscriptions end (RFC 6121 §2.5.2). Resolves when that is durable. */
  contactRemoved(account: AccountState, contact: BareJid): Promise<void>;
  /** Unavailable or (again) available presence of all resources to one contact: blocking and unblocking. */
  showTo(account: AccountState, contact: Jid, available: boolean): void;
}

/** RFC 6121 §4.7.1, §3: the kinds of presence by `type`; null for a type that does not exist. */
export function presenceKind(
  type: string | undefined,
): 'available' | 'unavailable' | 'subscription' | 'probe' | 'error' | null {
  switch (type) {
    case undefined:
      return 'available';
    case 'unavailable':
    case 'probe':
    case 'error':
      return type;
    case 'subscribe':
    case 'subscribed':
    case 'unsubscribe':
    case 'unsubscribed':
      return 'subscription';
    default:
      return null;
  }
}
