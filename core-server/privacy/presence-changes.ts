import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type BareJid, type Jid, jid, parseJid } from '../../shared/xmpp/jid.js';
import type { Core } from '../core.js';
import { localOrigin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { AccountRules } from './account-rules.js';
import { verdictOf } from './verdict.js';

/** By JID, whether the rules let that entity see a resource's presence (out), or the resource see its presence (in). */
interface Visibility {
  readonly out: Map<string, boolean>;
  readonly in: Map<string, boolean>;
}

/**
 * What a change of rules, of an active list, or of the roster means for presence: who may not see a resource any more gets
 * unavailable presence, who may again gets its presence (XEP-0016 §2.11, XEP-0191 §3.3, §3.4); whom it may not see any more
 * becomes unavailable to it, and whom it may see again is asked (XEP-0016 §2.10). Each resource on its own, since each
 * may have an active list. Remembers how things stood, for accounts with rules only.
 */
export class PresenceChanges {
  readonly #core: Core;
  readonly #known = new WeakMap<Session, Visibility>();

  constructor(core: Core) {
    this.#core = core;
    // what is broadcast and asked at initial presence follows the rules already
    core.hooks.sessionAvailable.on((session) => {
      if (session.account.rules !== null) this.#known.set(session, visibilityOf(session));
    });
    core.hooks.rosterChanged.on((account, contact) => {
      if (account.rules !== null) this.#contactChanged(account, contact);
    });
  }

  /** Tells everybody concerned what the rules in force now changed. */
  settle(account: AccountState): void {
    for (const session of account.availableSessions()) {
      const before = this.#known.get(session);
      const after = visibilityOf(session);
      this.#known.set(session, after);
      // before the first rules everything was seen
      for (const [peer, shown] of after.out) {
        if (shown !== (before?.out.get(peer) ?? true)) this.#show(session, jid(peer), shown);
      }
      for (const [peer, seen] of after.in) {
        if (seen !== (before?.in.get(peer) ?? true)) this.#see(session, jid(peer), seen);
      }
      // one resource of a contact, of which no rule speaks any more
      for (const [peer, shown] of before?.out ?? []) {
        if (!shown && !after.out.has(peer) && mayShow(session, jid(peer)))
          this.#show(session, jid(peer), true);
      }
      for (const [peer, seen] of before?.in ?? []) {
        if (!seen && !after.in.has(peer) && maySee(session, jid(peer))) this.#see(session, jid(peer), true);
      }
    }
  }

  /** A group or a subscription state may be what a rule speaks of (§2.2 rule 9). New subscriptions announce themselves. */
  #contactChanged(account: AccountState, contact: BareJid): void {
    const peer = jid(contact);
    for (const session of account.availableSessions()) {
      const known = this.#known.get(session);
      if (known === undefined) continue;
      const shown = showsTo(account, peer) ? mayShow(session, peer) : undefined;
      const before = known.out.get(contact);
      if (shown !== undefined && before !== undefined && shown !== before) this.#show(session, peer, shown);
      note(known.out, contact, shown);
      const seen = account.roster.subscribedTo(contact) ? maySee(session, peer) : undefined;
      const saw = known.in.get(contact);
      if (seen !== undefined && saw !== undefined && seen !== saw) this.#see(session, peer, seen);
      note(known.in, contact, seen);
    }
  }

  #show(session: Session, peer: Jid, shown: boolean): void {
    const { directed, presence } = session;
    if (!shown && directed !== null) {
      directed.delete(peer.full);
      if (directed.size === 0) session.directed = null;
    }
    if (shown && !showsTo(session.account, peer)) return;
    const stanza =
      shown && presence !== null
        ? presence.readdress({ to: peer.full })
        : Stanza.fromElement(xml('presence', { from: session.jid.full, to: peer.full, type: 'unavailable' }));
    this.#core.router.route(stanza, localOrigin);
  }

  #see(session: Session, peer: Jid, seen: boolean): void {
    const { account } = session;
    const here = this.#core.hosts(peer.domain);
    if (!here) {
      // another server's user: all its resources by the bare JID (RFC 6121 §4.5.4); to see it again is to ask
      if (!seen) session.deliver(absent(peer.full, session));
      else {
        const probe = xml('presence', { from: account.bare, to: peer.full, type: 'probe' });
        this.#core.router.route(Stanza.fromElement(probe), localOrigin);
      }
      return;
    }
    const contact = this.#core.directory.peek(peer);
    if (contact === undefined || !account.roster.subscribedTo(peer.bare)) return;
    if (!contact.roster.subscribesToUs(account.bare)) return;
    for (const theirs of contact.availableSessions()) {
      if (peer.resource !== '' && theirs.jid.resource !== peer.resource) continue;
      // their rules count too: what they hid cannot go away
      if (theirs.presence === null || !mayShow(theirs, session.jid)) continue;
      if (!seen) session.deliver(absent(theirs.jid.full, session));
      else if (maySee(session, theirs.jid)) {
        session.deliver(theirs.presence.readdress({ to: session.jid.full }));
      }
    }
  }
}

function visibilityOf(session: Session): Visibility {
  const { account } = session;
  const visibility: Visibility = { out: new Map(), in: new Map() };
  const consider = (peer: Jid): void => {
    if (showsTo(account, peer)) visibility.out.set(peer.full, mayShow(session, peer));
    if (account.roster.subscribedTo(peer.bare)) visibility.in.set(peer.full, maySee(session, peer));
  };
  for (const item of account.roster.items.values()) consider(jid(item.jid));
  // a rule may speak of one resource of a contact
  if (account.rules instanceof AccountRules) {
    for (const text of account.rules.resourcesNamed()) {
      const peer = parseJid(text);
      if (peer !== null) consider(peer);
    }
  }
  // whoever got directed presence was allowed to then
  for (const entity of session.directed ?? []) {
    visibility.out.set(entity, mayShow(session, jid(entity)));
  }
  return visibility;
}

function absent(from: string, session: Session): Stanza {
  return Stanza.fromElement(xml('presence', { from, to: session.jid.full, type: 'unavailable' }));
}

function showsTo(account: AccountState, peer: Jid): boolean {
  return account.roster.subscribesToUs(peer.bare);
}

function mayShow(session: Session, peer: Jid): boolean {
  return verdictOf(session.account, session, 'out', 'presence-out', peer) === 'allow';
}

function maySee(session: Session, peer: Jid): boolean {
  return verdictOf(session.account, session, 'in', 'presence-in', peer) === 'allow';
}

function note(map: Map<string, boolean>, key: string, value: boolean | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
