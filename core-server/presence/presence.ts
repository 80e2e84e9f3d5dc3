import { child, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type BareJid, type Jid, jid as parseKnown } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { blockedError } from '../privacy/blocked-error.js';
import { verdictOf } from '../privacy/verdict.js';
import type { Hooks } from '../routing/hooks.js';
import { localOrigin, type Origin } from '../routing/origin.js';
import type { Router } from '../routing/router.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { type PresenceHandlers, presenceKind } from './presence-handlers.js';
import { answersOwnPresence, type Probes } from './probes.js';
import type { SubscriptionType } from './subscription-states.js';
import type { Subscriptions } from './subscriptions.js';

/** Entities that one resource may be showing directed presence to. */
const DIRECTED_LIMIT = 10_000;

interface PresenceParts {
  readonly router: Router;
  readonly hooks: Hooks;
  readonly subscriptions: () => Subscriptions;
  readonly probes: Probes;
}

/** Presence of our accounts: broadcast, directed, received (RFC 6121 §4). */
export class Presence implements PresenceHandlers {
  readonly #router: Router;
  readonly #hooks: Hooks;
  readonly #subscriptions: () => Subscriptions;
  readonly #probes: Probes;

  constructor(parts: PresenceParts) {
    this.#router = parts.router;
    this.#hooks = parts.hooks;
    this.#subscriptions = parts.subscriptions;
    this.#probes = parts.probes;
  }

  outbound(stanza: Stanza, session: Session): void {
    const kind = presenceKind(stanza.type);
    const to = stanza.toJid;
    if (kind === 'subscription') {
      if (!to) return this.#refuse(stanza, session, new StanzaError('bad-request'));
      const verdict = verdictOf(session.account, session, 'out', 'other', to);
      if (verdict !== 'allow') return this.#refuse(stanza, session, blockedError(verdict));
      this.#subscriptions().outbound(stanza, stanza.type as SubscriptionType, to, session);
      return;
    }
    if (to) {
      this.#directed(stanza, kind, to, session);
      return;
    }
    if (kind === 'available') this.#available(stanza, session);
    else if (kind === 'unavailable') this.#unavailable(stanza, session);
    else this.#refuse(stanza, session, new StanzaError('bad-request'));
  }

  inbound(stanza: Stanza, to: Jid, account: AccountState, origin: Origin): void {
    const from = stanza.fromJid;
    const kind = presenceKind(stanza.type);
    if (!from || kind === null) return this.#router.bounce(stanza, new StanzaError('bad-request'));
    if (kind === 'probe') return this.#probes.answer(stanza, from, to, account);
    if (!account.exists) return; // §8.5.1: silently
    if (kind === 'subscription') {
      // §8.5.3.2.2: to a resource that is not there only a request counts, as if to the bare JID (§3.1.3)
      if (to.resource !== '' && stanza.type !== 'subscribe' && account.session(to.resource) === undefined)
        return;
      this.#subscriptions().inbound(stanza, stanza.type as SubscriptionType, account, from, origin);
      return;
    }
    if (kind !== 'error') this.#hooks.presenceReceived.emit(account, stanza, from);
    const ruleKind = kind === 'error' ? 'other' : 'presence-in';
    const deliver = (session: Session) => {
      if (kind === 'unavailable') session.directed?.delete(from.full); // §4.6.1
      // its sender may hide from this one resource (XEP-0016 §2.1), of which what goes to the bare JID does not know
      if (origin.session !== null && !this.#mayShow(origin.session, session.jid)) return;
      if (verdictOf(account, session, 'in', ruleKind, from) === 'allow') session.deliver(stanza);
    };
    if (to.resource !== '') {
      const session = account.session(to.resource);
      if (session !== undefined) deliver(session); // §8.5.3.1; no match: silently (§8.5.3.2.2)
      return;
    }
    // §3.1.2, §3.3.2: errors of what was stamped with the bare JID are for the user; those of our own probes for nobody
    if (kind === 'error' && answersOwnPresence(stanza)) return;
    for (const session of account.sessions) if (session.available) deliver(session); // §8.5.2.1.2
  }

  /** Nobody watches the server's own presence; probes and subscriptions of it stay unanswered. */
  toServer(): void {}

  sessionEnded(session: Session): void {
    if (!session.available && session.directed === null) return;
    // §4.5.2: generated on behalf of a client that left without a word
    this.#unavailable(
      Stanza.fromElement(xml('presence', { from: session.jid.full, type: 'unavailable' })),
      session,
    );
  }

  contactRemoved(account: AccountState, contact: BareJid): Promise<void> {
    return this.#subscriptions().contactRemoved(account, contact);
  }

  showTo(account: AccountState, contact: Jid, available: boolean): void {
    for (const session of account.sessions) {
      if (session.presence === null) continue;
      // whom the rules hide us from has been told that we are away when they came into force
      if (account.rules !== null && !this.#mayShow(session, contact)) continue;
      const presence = available
        ? session.presence.readdress({ to: contact.bare })
        : Stanza.fromElement(
            xml('presence', { from: session.jid.full, to: contact.bare, type: 'unavailable' }),
          );
      this.#router.route(presence, localOrigin);
    }
  }

  /** §4.2.2, §4.4.2: presence without `to` and type. */
  #available(stanza: Stanza, session: Session): void {
    const priority = priorityOf(stanza);
    if (priority === null) return this.#refuse(stanza, session, new StanzaError('bad-request'));
    const initial = session.presence === null;
    // kept for long: not as a slice of the chunk it came in
    session.presence = stanza.detached();
    session.presenceTime = Date.now();
    session.priority = priority;
    const { account } = session;
    this.#broadcast(stanza, session);
    const toOwn = stanza.readdress({ to: account.bare });
    for (const other of account.sessions) if (other.available) other.deliver(toOwn);
    this.#hooks.presenceBroadcast.emit(session, stanza);
    if (!initial) return;
    for (const other of account.sessions) {
      if (other !== session && other.presence !== null) {
        session.deliver(other.presence.readdress({ to: session.jid.full }));
      }
    }
    this.#probes.probeContacts(session);
    this.#subscriptions().deliverPending(session);
    this.#hooks.sessionAvailable.emit(session, stanza);
  }

  /** §4.5.2: to everybody who saw the resource, then the resource is as before initial presence. */
  #unavailable(stanza: Stanza, session: Session): void {
    const { account } = session;
    const wasAvailable = session.available;
    const directed = session.directed;
    if (wasAvailable) {
      this.#broadcast(stanza, session);
      const toOwn = stanza.readdress({ to: account.bare });
      for (const other of account.sessions) if (other.available) other.deliver(toOwn);
    }
    session.presence = null;
    session.priority = 0;
    session.directed = null;
    // §4.6.3 rule 2: and those who got directed presence
    if (directed !== null) {
      for (const entity of directed) {
        // rule 1: own resources and subscribers, however they came to be named, have heard the broadcast
        if (wasAvailable && hearsBroadcasts(account, entity)) continue;
        if (account.rules !== null && !this.#mayShow(session, parseKnown(entity))) continue;
        this.#router.route(stanza.readdress({ to: entity }), localOrigin);
      }
    }
    if (wasAvailable) this.#hooks.sessionUnavailable.emit(session, stanza);
  }

  #broadcast(stanza: Stanza, session: Session): void {
    const rules = session.account.rules;
    const origin: Origin = rules === null ? localOrigin : { ...localOrigin, session };
    for (const item of session.account.roster.items.values()) {
      if (item.subscription !== 'from' && item.subscription !== 'both') continue;
      if (rules !== null && !this.#mayShow(session, parseKnown(item.jid))) continue;
      this.#router.route(stanza.addressedTo(parseKnown(item.jid)), origin);
    }
  }

  #mayShow(session: Session, contact: Jid): boolean {
    return verdictOf(session.account, session, 'out', 'presence-out', contact) === 'allow';
  }

  /** §4.6.3. */
  #directed(stanza: Stanza, kind: ReturnType<typeof presenceKind>, to: Jid, session: Session): void {
    const ruleKind = kind === 'available' || kind === 'unavailable' ? 'presence-out' : 'other';
    const verdict = verdictOf(session.account, session, 'out', ruleKind, to);
    if (verdict !== 'allow') return this.#refuse(stanza, session, blockedError(verdict));
    if (kind === 'available') {
      // rule 1: a subscriber hears broadcasts anyway
      if (!(session.available && to.resource === '' && session.account.roster.subscribesToUs(to.bare))) {
        session.directed ??= new Set();
        if (session.directed.size >= DIRECTED_LIMIT && !session.directed.has(to.full)) {
          return this.#refuse(stanza, session, new StanzaError('resource-constraint'));
        }
        session.directed.add(to.full);
      }
    } else if (kind === 'unavailable') {
      session.directed?.delete(to.full);
      if (session.directed?.size === 0) session.directed = null;
    }
    // §4.3: a client's own probe is routed as the account's
    this.#router.route(
      kind === 'probe' ? stanza.readdress({ from: session.account.bare }) : stanza,
      session.origin,
    );
  }

  #refuse(stanza: Stanza, session: Session, error: StanzaError): void {
    const reply = this.#router.errorFor(stanza, error);
    if (reply !== null) session.deliver(reply);
  }
}

/** Whether a JID that got directed presence hears of the account's resources anyway. */
function hearsBroadcasts(account: AccountState, entity: string): boolean {
  if (entity === account.bare || account.roster.subscribesToUs(entity as BareJid)) return true;
  return account.sessions.some((session) => session.available && session.jid.full === entity);
}

/** RFC 6121 §4.7.2.3: an integer from -128 to 127, 0 when absent; null when it is something else. */
export function priorityOf(presence: Stanza): number | null {
  if (!presence.hasChild('priority', NS.client)) return 0;
  const text = child(presence.element, 'priority')?.text().trim() ?? '';
  if (!/^[+-]?\d{1,3}$/.test(text)) return null;
  const value = Number(text);
  return value >= -128 && value <= 127 ? value : null;
}
