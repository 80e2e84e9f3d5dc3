import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { isOwnRefusal, verdictOf } from '../privacy/verdict.js';
import type { Hooks } from '../routing/hooks.js';
import type { Origin } from '../routing/origin.js';
import type { Router } from '../routing/router.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { withoutForgedDelays } from './forged-delays.js';
import { noteRecipients } from './holders.js';
import { withoutForgedIds } from './stanza-ids.js';

type MessageType = 'normal' | 'chat' | 'groupchat' | 'headline' | 'error';

/** RFC 6121 §5.2.2: an absent or unknown type is `normal`. */
export function messageType(message: Stanza): MessageType {
  switch (message.type) {
    case 'chat':
    case 'groupchat':
    case 'headline':
    case 'error':
      return message.type;
    default:
      return 'normal';
  }
}

/** Who gets a message for an account: RFC 6121 §8.5.4, table 1. */
export class MessageDelivery {
  readonly #router: Router;
  readonly #hooks: Hooks;

  constructor(router: Router, hooks: Hooks) {
    this.#router = router;
    this.#hooks = hooks;
  }

  deliver(received: Stanza, to: Jid, account: AccountState, origin: Origin): void {
    // §8.5.1: no such account looks like one that refuses
    if (!account.exists) return this.#refuse(received);
    const unforged = withoutForgedIds(received, account.bare);
    // what this server made or kept itself says truly when it was delayed
    const message = origin.kind === 'local' ? unforged : withoutForgedDelays(unforged, to.domain);
    const exact = to.resource === '' ? undefined : account.session(to.resource);
    if (exact === undefined) return this.#deliverToAny(message, to, account, origin);
    if (!allows(message, account, exact, origin)) return this.#deny(message);
    this.#hand(message, account, [exact], origin);
  }

  /** To the account, or to a resource that is not there. */
  #deliverToAny(message: Stanza, to: Jid, account: AccountState, origin: Origin): void {
    const candidates = account.sessions.filter(
      (session) => session.presence !== null && session.priority >= 0,
    );
    // XEP-0016 §2.2 rules 1, 2: each resource's own active list, and the default list when no resource is there
    const eligible = candidates.filter((session) => allows(message, account, session, origin));
    const allowed = candidates.length > 0 ? eligible.length > 0 : allows(message, account, null, origin);
    if (!allowed) return this.#deny(message);
    const type = messageType(message);
    const bare = to.resource === '';
    switch (type) {
      case 'error':
        return; // §8.5.2.1.1, §8.5.3.2.1: silently
      case 'groupchat':
        return this.#refuse(message); // §8.5.2.1.1: never from a bare JID to resources
      case 'headline':
        if (bare) this.#hand(message, account, eligible, origin);
        return; // full without match: silently
      case 'normal':
        if (!bare) return this.#refuse(message); // §8.5.3.2.1
        break;
      case 'chat':
        break;
    }
    if (eligible.length === 0) {
      // §8.5.2.2.1: stored offline, or refused when nobody stores
      if (!this.#hooks.messageUndelivered.run(account, message, origin)) this.#refuse(message);
      return;
    }
    this.#hand(message, account, mostAvailable(eligible), origin);
  }

  #hand(message: Stanza, account: AccountState, sessions: readonly Session[], origin: Origin): void {
    // before it can be too much for one of them
    if (sessions.length > 1) noteRecipients(message, sessions);
    for (const session of sessions) session.deliver(message);
    this.#hooks.messageDelivered.run(account, message, sessions, origin);
  }

  /** XEP-0016 §2.14, XEP-0191 §3.3: a chat or normal message is refused; the rest is dropped. */
  #deny(message: Stanza): void {
    // a bounced groupchat message would put the user out of the room
    if (messageType(message) !== 'groupchat') this.#refuse(message);
  }

  /** §8.5: service-unavailable, where it may be answered. */
  #refuse(message: Stanza): void {
    if (message.type === 'headline') return;
    this.#router.bounce(message, new StanzaError('service-unavailable'));
  }
}

/** By the account's privacy lists; what it had sent and was allowed to send is told it in any case. */
function allows(message: Stanza, account: AccountState, session: Session | null, origin: Origin): boolean {
  return (
    isOwnRefusal(message, origin) || verdictOf(account, session, 'in', 'message', message.fromJid) === 'allow'
  );
}

/** The resources with the highest priority: all of them, so that devices on equal terms see the same. */
function mostAvailable(sessions: readonly Session[]): readonly Session[] {
  if (sessions.length < 2) return sessions;
  let highest = -1;
  for (const session of sessions) if (session.priority > highest) highest = session.priority;
  return sessions.filter((session) => session.priority === highest);
}
