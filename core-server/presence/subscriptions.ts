import type { Logger } from '../../shared/observability/types.js';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type BareJid, type Jid, jid as parseKnown } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { verdictOf } from '../privacy/verdict.js';
import type { RosterService } from '../roster/roster-service.js';
import { localOrigin, type Origin } from '../routing/origin.js';
import type { Router } from '../routing/router.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import {
  inboundTransition,
  outboundTransition,
  type SubscriptionState,
  type SubscriptionType,
  stateOf,
} from './subscription-states.js';

/** What subscriptions need of presence: telling one contact about the resources. */
interface PresenceTeller {
  showTo(account: AccountState, contact: Jid, available: boolean): void;
}

/** Pending requests kept for one account (RFC 6121 §3.1.3, security warning). */
const PENDING_LIMIT = 500;
/** Of those, from one domain: whoever has one must not take all places. */
const PENDING_OF_DOMAIN = 250;
const PENDING_BYTES = 8192;
/** All of them together: each new one is stored with them. */
const PENDING_TOGETHER = 256 * 1024;

/** Presence subscriptions (RFC 6121 §3 and the tables of Appendix A). */
export class Subscriptions {
  readonly #router: Router;
  readonly #roster: RosterService;
  readonly #teller: PresenceTeller;
  readonly #log: Logger;
  readonly #rosterLimit: number;

  constructor(parts: {
    router: Router;
    roster: RosterService;
    teller: PresenceTeller;
    log: Logger;
    rosterLimit: number;
  }) {
    this.#router = parts.router;
    this.#roster = parts.roster;
    this.#teller = parts.teller;
    this.#log = parts.log;
    this.#rosterLimit = parts.rosterLimit;
  }

  /** A client manages its subscription to, or the subscription of, a contact (§3.1.2, §3.1.5, §3.2.2, §3.3.2). */
  outbound(stanza: Stanza, type: SubscriptionType, contact: Jid, session: Session): void {
    const account = session.account;
    const bare = contact.bare;
    // subscribing to oneself is implied (§4.2.2) and changes nothing
    if (bare === account.bare) return;
    const before = this.#state(account, bare);
    const { state, pass } = outboundTransition(type, before);
    if (state !== before && !account.roster.items.has(bare) && this.#rosterFull(account)) {
      const reply = this.#router.errorFor(stanza, new StanzaError('resource-constraint'));
      if (reply !== null) session.deliver(reply);
      return;
    }
    // §3.2.2: unavailable presence goes while the contact is still subscribed
    const loses = hadFrom(before) && !hadFrom(state);
    if (loses) this.#teller.showTo(account, contact.toBare(), false);
    const release = session.origin.hold();
    const stored = this.#apply(account, bare, before, state);
    // §3.1.2, §3.1.5: stamped with the bare JID, addressed to the bare JID
    if (pass) {
      this.#router.route(stanza.readdress({ from: account.bare, to: bare }), session.origin);
    }
    // §3.1.5: then current presence from each available resource
    if (!hadFrom(before) && hadFrom(state)) this.#teller.showTo(account, contact.toBare(), true);
    this.#settle(stored, release);
  }

  /** A contact's stanza for an account of ours (§3.1.3, §3.1.6, §3.2.3, §3.3.3). */
  inbound(stanza: Stanza, type: SubscriptionType, account: AccountState, from: Jid, origin: Origin): void {
    const bare = from.bare;
    if (bare === account.bare || !this.#heard(account, from)) return;
    const before = this.#state(account, bare);
    const { state, pass, reply } = inboundTransition(type, before);
    const addressed = stanza.readdress({ from: bare, to: account.bare });
    if (type === 'subscribe' && state.pendingIn && !before.pendingIn) {
      this.#remember(account, addressed, origin);
      return;
    }
    const release = origin.hold();
    if (pass) {
      // delivered before the roster push, to the interested resources (§3.1.6 step 1)
      for (const session of account.sessions) {
        if (session.interested || session.available) this.#deliver(account, session, addressed, from);
      }
    }
    const stored = this.#apply(account, bare, before, state);
    if (reply !== undefined) this.#reply(account, bare, reply, type === 'subscribe' ? stanza.id : undefined);
    // §3.3.3 step 3; and a pre-approved or repeated subscriber gets what it asked for
    if (hadFrom(before) && !hadFrom(state)) this.#teller.showTo(account, from.toBare(), false);
    else if (!hadFrom(before) && hadFrom(state)) this.#teller.showTo(account, from.toBare(), true);
    // who asks again from another server has missed the approval, and so the presence behind it
    else if (reply === 'subscribed' && !this.#router.serves(from.domain))
      this.#teller.showTo(account, from.toBare(), true);
    this.#settle(stored, release);
  }

  /** Requests that wait for an answer, at each new available resource (§3.1.3 rule 4). */
  deliverPending(session: Session): void {
    for (const request of session.account.roster.pendingIn.values()) {
      const stanza = Stanza.parse(request.stanza);
      const from = stanza.fromJid;
      if (from) this.#deliver(session.account, session, stanza, from);
    }
  }

  /** The contact leaves the roster (§2.5.2): both directions are cancelled. */
  contactRemoved(account: AccountState, contact: BareJid): Promise<void> {
    const state = this.#state(account, contact);
    const to = parseKnown(contact);
    if (hadFrom(state)) this.#teller.showTo(account, to, false);
    const stored = this.#roster.remove(account, contact);
    const own = { from: account.bare, to: contact };
    if (state.subscription === 'to' || state.subscription === 'both' || state.pendingOut) {
      this.#router.route(Stanza.fromElement(xml('presence', { ...own, type: 'unsubscribe' })), localOrigin);
    }
    if (hadFrom(state) || state.pendingIn) {
      this.#router.route(Stanza.fromElement(xml('presence', { ...own, type: 'unsubscribed' })), localOrigin);
    }
    return stored;
  }

  /**
   * Whether anything of this account hears a contact at all. Lists come before the handling of subscriptions and their
   * roster pushes (XEP-0016 §2.2 rule 4), and a blocked contact gets no answer (§2.14).
   */
  #heard(account: AccountState, from: Jid): boolean {
    if (account.rules === null || verdictOf(account, null, 'in', 'other', from) === 'allow') return true;
    return account.sessions.some(
      (session) => session.available && verdictOf(account, session, 'in', 'other', from) === 'allow',
    );
  }

  #state(account: AccountState, contact: BareJid): SubscriptionState {
    return stateOf(account.roster.items.get(contact), account.roster.pendingIn.has(contact));
  }

  /** Keeps the whole request until it is answered, then shows it to every available resource (§3.1.3 rules 3, 4). */
  #remember(account: AccountState, stanza: Stanza, origin: Origin): void {
    const from = stanza.fromJid;
    if (!from) return;
    if (
      account.roster.pendingIn.size >= PENDING_LIMIT ||
      stanza.source.length > PENDING_BYTES ||
      account.roster.pendingWeight + stanza.source.length > PENDING_TOGETHER ||
      pendingFrom(account, from.domain) >= PENDING_OF_DOMAIN
    ) {
      this.#log.warn(
        { code: 'presence.pending-limit', account: account.bare },
        'too many or too large requests',
      );
      this.#router.bounce(stanza, new StanzaError('resource-constraint'));
      return;
    }
    const release = origin.hold();
    const stored = this.#roster.setPending(account, from.bare, { from: from.bare, stanza: stanza.text });
    for (const session of account.sessions) {
      if (session.available) this.#deliver(account, session, stanza, from);
    }
    this.#settle(stored, release);
  }

  #deliver(account: AccountState, session: Session, stanza: Stanza, from: Jid): void {
    // XEP-0016 §2.13: requests are subject to items that name no stanza kind
    if (verdictOf(account, session, 'in', 'other', from) === 'allow') session.deliver(stanza);
  }

  /** Changes roster and pending request from one state to another; resolves when durable. */
  #apply(
    account: AccountState,
    contact: BareJid,
    before: SubscriptionState,
    after: SubscriptionState,
  ): Promise<void> | undefined {
    if (before === after) return undefined;
    const item = account.roster.items.get(contact);
    const itemChanged =
      before.subscription !== after.subscription ||
      before.pendingOut !== after.pendingOut ||
      before.approved !== after.approved;
    if (before.pendingIn && !after.pendingIn) account.roster.pendingIn.delete(contact);
    if (!itemChanged) return this.#roster.setPending(account, contact, null);
    return this.#roster.put(account, {
      ...(item ?? { groups: [] }),
      jid: contact,
      subscription: after.subscription,
      ask: after.pendingOut,
      approved: after.approved,
    });
  }

  #reply(
    account: AccountState,
    contact: BareJid,
    type: 'subscribed' | 'unsubscribed',
    id: string | undefined,
  ): void {
    this.#router.route(
      Stanza.fromElement(
        xml('presence', { from: account.bare, to: contact, type, ...(id === undefined ? {} : { id }) }),
      ),
      localOrigin,
    );
  }

  #rosterFull(account: AccountState): boolean {
    return account.roster.items.size >= this.#rosterLimit;
  }

  #settle(stored: Promise<void> | undefined, release: () => void): void {
    if (stored === undefined) release();
    else stored.catch(() => {}).then(release);
  }
}

function pendingFrom(account: AccountState, domain: string): number {
  let count = 0;
  const suffix = `@${domain}`;
  for (const contact of account.roster.pendingIn.keys())
    if (contact === domain || contact.endsWith(suffix)) count++;
  return count;
}

function hadFrom(state: SubscriptionState): boolean {
  return state.subscription === 'from' || state.subscription === 'both';
}
