import { randomBytes } from 'node:crypto';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type BareJid, type Jid, jid as parseKnown } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { verdictOf } from '../privacy/verdict.js';
import { localOrigin } from '../routing/origin.js';
import type { Router } from '../routing/router.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import type { SessionDirectory } from '../sessions/session-directory.js';

/** Begins the ids of presence that no client sent. */
const OWN_ID = 'entourage-';

/** Whether an error answers presence that the server sent by itself: of no interest to clients. */
export function answersOwnPresence(error: Stanza): boolean {
  return error.id?.startsWith(OWN_ID) === true;
}

interface ProbesParts {
  readonly router: Router;
  readonly directory: SessionDirectory;
  readonly hosts: (domain: string) => boolean;
}

/** Presence probes (RFC 6121 §4.3): asked at initial presence, answered for our accounts. */
export class Probes {
  readonly #parts: ProbesParts;

  constructor(parts: ProbesParts) {
    this.#parts = parts;
  }

  /** §4.3.1: finds out about every contact the user is subscribed to. */
  probeContacts(session: Session): void {
    const { account } = session;
    for (const item of account.roster.items.values()) {
      // nothing goes to whom the account has blocked (XEP-0016 §2.14)
      if (
        account.rules !== null &&
        verdictOf(account, session, 'out', 'other', parseKnown(item.jid)) !== 'allow'
      )
        continue;
      if (item.ask) {
        // §3.1.2: an unanswered request is sent again when a resource becomes available
        this.#send(account, item.jid, 'subscribe');
      }
      if (item.subscription !== 'to' && item.subscription !== 'both') continue;
      const contact = parseKnown(item.jid);
      if (this.#parts.hosts(contact.domain) && contact.local !== '') this.#askHere(session, contact);
      else this.#send(account, item.jid, 'probe');
    }
  }

  /** A probe that arrived for an account (§4.3.2, §4.6.6). */
  answer(probe: Stanza, from: Jid, to: Jid, account: AccountState): void {
    // XEP-0016 §2.14: a blocked prober gets no answer at all; a resource with an active list decides for itself
    const hears = verdictOf(account, null, 'in', 'other', from) === 'allow';
    const authorised =
      account.exists && (account.roster.subscribesToUs(from.bare) || from.bare === account.bare);
    if (!authorised) {
      const shown = this.#directedTo(account, from, to);
      if (shown !== null) {
        // §4.6.6: mere presence of that one resource
        this.#reply({ from: shown.jid.full, to: from.full, ...idOf(probe) }, shown, from);
        return;
      }
      if (!hears) return;
      // rule 1: also for accounts that do not exist
      this.#reply({ from: to.bare, to: from.bare, type: 'unsubscribed', ...idOf(probe) }, null, from);
      return;
    }
    if (to.resource !== '') {
      const session = account.session(to.resource);
      if (session?.available === true) {
        this.#reply({ from: session.jid.full, to: from.full }, session, from);
      } else if (hears && this.#showsAbsence(account, from)) {
        this.#reply({ from: to.full, to: from.full, type: 'unavailable', ...idOf(probe) }, null, from);
      }
      return;
    }
    let any = false;
    for (const session of account.sessions) {
      if (session.presence === null) continue;
      any = true;
      if (this.#mayShow(session, from)) {
        // rule 4: the full last presence, with its own id
        this.#parts.router.route(session.presence.readdress({ to: from.full }), localOrigin);
      }
    }
    if (!any && hears && this.#showsAbsence(account, from)) this.#replyUnavailable(probe, account, from);
  }

  /** An absent account tells only whom its default list would show presence to: silence while here, answers while away would tell. */
  #showsAbsence(account: AccountState, from: Jid): boolean {
    return verdictOf(account, null, 'out', 'presence-out', from) === 'allow';
  }

  /** §4.3.1: no probe travels inside one server; the new resource is told directly. */
  #askHere(session: Session, contact: Jid): void {
    const { directory, router } = this.#parts;
    directory.with(
      contact,
      (account) => {
        if (!account.exists || !account.roster.subscribesToUs(session.account.bare)) {
          if (account.exists && verdictOf(account, null, 'in', 'other', session.jid) !== 'allow') return;
          // the same protocol flow that a probe would start (rule 1)
          this.#reply({ from: contact.bare, to: session.account.bare, type: 'unsubscribed' }, null, contact);
          return;
        }
        for (const other of account.sessions) {
          if (other.presence === null || !this.#mayShow(other, session.jid)) continue;
          router.route(other.presence.readdress({ to: session.jid.full }), localOrigin);
        }
      },
      () => {},
    );
  }

  #mayShow(session: Session, peer: Jid): boolean {
    return verdictOf(session.account, session, 'out', 'presence-out', peer) === 'allow';
  }

  /** The session that has shown itself to the prober by directed presence, when the probe names it. */
  #directedTo(account: AccountState, from: Jid, to: Jid): Session | null {
    if (to.resource === '') return null;
    const session = account.session(to.resource);
    if (session?.directed == null) return null;
    return session.directed.has(from.full) || session.directed.has(from.bare) ? session : null;
  }

  /** Rule 3: deterministic, with the time of the last unavailable presence where it is known. */
  #replyUnavailable(probe: Stanza, account: AccountState, from: Jid): void {
    const since = account.lastUnavailable;
    const delay = since === null ? [] : [xml('delay', { xmlns: NS.delay, stamp: since.toISOString() })];
    this.#parts.router.route(
      Stanza.fromElement(
        xml('presence', { from: account.bare, to: from.full, type: 'unavailable', ...idOf(probe) }, ...delay),
      ),
      localOrigin,
    );
  }

  #reply(attributes: Record<string, string>, session: Session | null, to: Jid): void {
    if (session !== null && !this.#mayShow(session, to)) return;
    this.#parts.router.route(Stanza.fromElement(xml('presence', attributes)), localOrigin);
  }

  #send(account: AccountState, contact: BareJid, type: 'probe' | 'subscribe'): void {
    const id = `${OWN_ID}${randomBytes(6).toString('base64url')}`;
    this.#parts.router.route(
      Stanza.fromElement(xml('presence', { from: account.bare, to: contact, id, type })),
      localOrigin,
    );
  }
}

function idOf(probe: Stanza): { id?: string } {
  return probe.id === undefined ? {} : { id: probe.id };
}
