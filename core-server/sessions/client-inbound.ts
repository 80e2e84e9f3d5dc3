import type { Stanza } from '../../shared/xml/stanza.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { iqShape } from '../iq/iq-shape.js';
import { type PresenceHandlers, presenceKind } from '../presence/presence-handlers.js';
import { blockedError } from '../privacy/blocked-error.js';
import { verdictOf } from '../privacy/verdict.js';
import type { Hooks } from '../routing/hooks.js';
import type { Router } from '../routing/router.js';
import type { Session } from './session.js';

interface ClientInboundParts {
  readonly router: Router;
  readonly hooks: Hooks;
  readonly presence: PresenceHandlers;
}

/** The way of a client's stanza into the core: checked, stamped, filtered, routed (RFC 6120 §8.1, §10.2, §10.3). */
export class ClientInbound {
  readonly #parts: ClientInboundParts;

  constructor(parts: ClientInboundParts) {
    this.#parts = parts;
  }

  receive(session: Session, received: Stanza): void {
    if (!session.inbound.receive(received)) return;
    // answers are given by clients, not by people
    if (received.type !== 'result' && received.type !== 'error') session.lastActive = performance.now();
    // RFC 6120 §8.1.2.1: a `from` may only say what is true anyway
    if (received.from !== undefined) {
      const from = received.fromJid;
      if (!from || (from.full !== session.jid.full && from.full !== session.account.bare)) {
        session.stream?.fail('invalid-from');
        return;
      }
    }
    const stanza = this.#stamp(session, received);
    if (stanza.toJid === null) return this.#refuse(session, stanza, new StanzaError('jid-malformed'));
    const problem = this.#shape(stanza);
    if (problem !== null) return this.#refuse(session, stanza, problem);
    if (this.#parts.hooks.clientInbound.run(session, stanza)) return;
    if (stanza.name === 'presence') return this.#parts.presence.outbound(stanza, session);
    if (session.account.rules !== null && !this.#allowed(session, stanza)) return;
    // RFC 6120 §10.3: no `to` means the client's own account
    const addressed = stanza.to === undefined ? stanza.readdress({ to: session.account.bare }) : stanza;
    if (stanza.name === 'message') this.#parts.hooks.messageSent.run(session, addressed);
    this.#parts.router.route(addressed, session.origin);
  }

  /** `from` becomes the full JID (§8.1.2.1), the stream's language is inherited (§8.1.5). */
  #stamp(session: Session, stanza: Stanza): Stanza {
    return session.lang !== undefined && stanza.lang === undefined
      ? stanza.readdress({ from: session.jid.full, lang: session.lang })
      : stanza.readdress({ from: session.jid.full });
  }

  #shape(stanza: Stanza): StanzaError | null {
    if (stanza.name === 'iq') return iqShape(stanza);
    if (stanza.name === 'presence' && presenceKind(stanza.type) === null)
      return new StanzaError('bad-request');
    return null;
  }

  #allowed(session: Session, stanza: Stanza): boolean {
    const kind = stanza.name === 'iq' ? 'iq' : 'message';
    const verdict = verdictOf(session.account, session, 'out', kind, stanza.toJid);
    if (verdict === 'allow') return true;
    this.#refuse(session, stanza, blockedError(verdict));
    return false;
  }

  /** The answer goes to this session itself, not wherever its address leads. */
  #refuse(session: Session, stanza: Stanza, error: StanzaError): void {
    // what is no address is echoed (RFC 6120 §8.3.3.8), or the client could not tell what is answered; nothing is not
    const addressed = stanza.to === '' ? stanza.readdress({ to: null }) : stanza;
    const reply = this.#parts.router.errorFor(addressed, error);
    if (reply !== null) session.deliver(reply);
  }
}
