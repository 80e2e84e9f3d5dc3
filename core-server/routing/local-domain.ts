import type { Logger } from '../../shared/observability/types.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { type Jid, jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { noItems } from '../disco/no-items.js';
import { type IqRegistry, resultOf } from '../iq/iq-registry.js';
import { iqShape } from '../iq/iq-shape.js';
import type { LocalRequests } from '../iq/local-requests.js';
import type { MessageDelivery } from '../messages/message-delivery.js';
import type { PresenceHandlers } from '../presence/presence-handlers.js';
import { isOwnRefusal, verdictOf } from '../privacy/verdict.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import type { SessionDirectory } from '../sessions/session-directory.js';
import { heldOrigin, type Origin } from './origin.js';
import type { Destination, Router } from './router.js';

interface LocalDomainParts {
  readonly router: Router;
  readonly directory: SessionDirectory;
  readonly iq: IqRegistry;
  readonly requests: LocalRequests;
  readonly messages: MessageDelivery;
  readonly presence: PresenceHandlers;
  readonly log: Logger;
  /** RFC 6121 §8.5.3.1. */
  readonly refuseStrangers: boolean;
}

/** Stanzas for one of our hosted domains and its accounts (RFC 6120 §10.5, RFC 6121 §8). */
export class LocalDomain implements Destination {
  readonly jid: Jid;
  readonly #parts: LocalDomainParts;

  constructor(domain: string, parts: LocalDomainParts) {
    this.jid = jid(domain);
    this.#parts = parts;
  }

  /** RFC 6121 §8.5.3.2: errors for a resource that is not there are dropped. */
  isGone(address: Jid): boolean {
    if (address.local === '' || address.resource === '') return false;
    return this.#parts.directory.peek(address)?.session(address.resource) === undefined;
  }

  deliver(stanza: Stanza, origin: Origin): void {
    const to = stanza.toJid;
    if (!to) return;
    if (to.local === '') {
      this.#deliverToServer(stanza, to, origin);
      return;
    }
    const known = this.#parts.directory.peek(to);
    if (known !== undefined) {
      this.#deliverToAccount(stanza, to, known, origin);
      return;
    }
    const held = heldOrigin(origin);
    this.#parts.directory.with(
      to,
      (account) => {
        this.#deliverToAccount(stanza, to, account, held.origin);
        held.release();
      },
      (error) => {
        this.#parts.log.error(
          { code: 'storage.account-unreadable', error },
          'an account could not be loaded',
        );
        this.#parts.router.bounce(stanza, new StanzaError('internal-server-error', { type: 'wait' }));
        held.release();
      },
    );
  }

  /** RFC 6120 §10.5.1, §10.5.2: the server itself, with or without a resource. */
  #deliverToServer(stanza: Stanza, to: Jid, origin: Origin): void {
    const { router, iq, requests, presence } = this.#parts;
    if (stanza.name === 'iq') {
      const problem = iqShape(stanza);
      if (problem !== null) return router.bounce(stanza, problem);
      if (stanza.type === 'result' || stanza.type === 'error') {
        requests.settle(stanza);
        return;
      }
      // a resource of the server is an address nobody has (§10.5.2 treats it as the server's own business)
      if (to.resource !== '') return router.bounce(stanza, new StanzaError('service-unavailable'));
      iq.handle('server', stanza, null, origin);
      return;
    }
    if (stanza.name === 'presence') {
      presence.toServer(stanza, origin);
      return;
    }
    // Nobody reads messages to the server
    router.bounce(stanza, new StanzaError('service-unavailable'));
  }

  #deliverToAccount(stanza: Stanza, to: Jid, account: AccountState, origin: Origin): void {
    if (stanza.name === 'message') this.#parts.messages.deliver(stanza, to, account, origin);
    else if (stanza.name === 'presence') this.#parts.presence.inbound(stanza, to, account, origin);
    else this.#deliverIq(stanza, to, account, origin);
  }

  /** By a subscription of type "both" or "from", or by directed presence; components are the operator's own. */
  #sharesPresence(account: AccountState, session: Session, stanza: Stanza, origin: Origin): boolean {
    const from = stanza.fromJid;
    if (!this.#parts.refuseStrangers || !from || origin.kind === 'component' || origin.kind === 'local')
      return true;
    if (from.bare === account.bare || account.roster.subscribesToUs(from.bare)) return true;
    const { directed } = session;
    if (directed === null) return false;
    if (directed.has(from.full) || directed.has(from.bare)) return true;
    // a room shows its occupants the presence of whom it let in, and lets them ask in its name (XEP-0045)
    const ofRoom = `${from.bare}/`;
    for (const entity of directed) if (entity.startsWith(ofRoom)) return true;
    return false;
  }

  #deliverIq(stanza: Stanza, to: Jid, account: AccountState, origin: Origin): void {
    const { router, iq, requests } = this.#parts;
    const problem = iqShape(stanza);
    if (problem !== null) return router.bounce(stanza, problem);
    const isRequest = stanza.type === 'get' || stanza.type === 'set';
    if (to.resource !== '') {
      const session = account.session(to.resource);
      // RFC 6121 §8.5.3.2.3, §8.5.1: no such resource or account: service-unavailable, results are dropped
      if (session === undefined) return router.bounce(stanza, new StanzaError('service-unavailable'));
      if (
        verdictOf(account, session, 'in', 'iq', stanza.fromJid) !== 'allow' &&
        !isOwnRefusal(stanza, origin)
      ) {
        // XEP-0016 §2.14: IQ requests are refused, answers dropped (errorReply makes none for them)
        return router.bounce(stanza, new StanzaError('service-unavailable'));
      }
      // §8.5.3.1: an answer would tell a stranger that this resource is there
      if (isRequest && !this.#sharesPresence(account, session, stanza, origin)) {
        return router.bounce(stanza, new StanzaError('service-unavailable'));
      }
      session.deliver(stanza);
      return;
    }
    // RFC 6121 §8.5.2.1.3: the server answers on behalf of the account; a client never sees it
    if (!isRequest) {
      requests.settle(stanza);
      return;
    }
    if (!account.exists) {
      // RFC 6120 §13.11: what a component answers for an account that has nothing of it is answered for none, too
      if (iq.intercepted('account', stanza, account, origin)) return;
      // XEP-0030 §8 rule 2: an account without items and one that is not look the same
      const none = noItems(stanza);
      if (none !== null) return router.reply(resultOf(stanza, none));
      // RFC 6120 §13.11: and so do the rosters of others (RFC 6121 §2.3.3) and their last activity (XEP-0012 §4)
      const { namespace, name } = stanza.payload ?? {};
      const hidden =
        namespace === NS.roster || (namespace === NS.last && name === 'query' && stanza.type === 'get');
      const condition = hidden ? 'forbidden' : 'service-unavailable';
      return router.bounce(stanza, new StanzaError(condition));
    }
    if (verdictOf(account, null, 'in', 'iq', stanza.fromJid) !== 'allow') {
      return router.bounce(stanza, new StanzaError('service-unavailable'));
    }
    iq.handle('account', stanza, account, origin);
  }
}
