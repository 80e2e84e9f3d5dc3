import { randomBytes } from 'node:crypto';
import type { Logger } from '../../shared/observability/types.js';
import { xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { isCopy } from '../messages/carbon-copy.js';
import { hasNot, isElsewhere } from '../messages/holders.js';
import { messageType } from '../messages/message-delivery.js';
import type { PresenceHandlers } from '../presence/presence-handlers.js';
import type { Hooks } from '../routing/hooks.js';
import type { Origin } from '../routing/origin.js';
import type { Router } from '../routing/router.js';
import type { AccountState } from './account-state.js';
import { HandOver } from './hand-over.js';
import { Session, type SessionStream } from './session.js';
import type { SessionDirectory } from './session-directory.js';

interface SessionServiceOptions {
  readonly directory: SessionDirectory;
  readonly router: Router;
  readonly hooks: Hooks;
  readonly presence: PresenceHandlers;
  readonly log: Logger;
  /** What to do with a resource that is in use (RFC 6120 §7.7.2.2). */
  readonly conflict: 'replace' | 'override' | 'refuse';
  readonly sessionsPerAccount: number;
  readonly outboundLimit: number;
}

/** Begins and ends sessions: the only place that adds them to accounts and takes them away. */
export class SessionService {
  readonly #options: SessionServiceOptions;
  readonly #handOver: HandOver;
  /** Sessions that exist now, for metrics and `status`. */
  count = 0;

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    this.#handOver = new HandOver({
      hooks: options.hooks,
      router: options.router,
      limit: options.outboundLimit,
      handOn: (account, stanza, origin, session) => this.#handOn(account, stanza, origin, session),
    });
  }

  /**
   * Binds a resource for an authenticated client and lends the stream to the new session. `wanted` is prepared; null
   * asks for a random one (RFC 6120 §7.6). `conflict` other than the operator's where the holder is known to be the same
   * client. Rejects with the StanzaError that §7.6.2 and §7.7.2 name.
   */
  bind(
    stream: SessionStream,
    jid: Jid,
    wanted: string | null,
    lang: string | undefined,
    conflict = this.#options.conflict,
  ): Promise<Session> {
    const { directory, log } = this.#options;
    return new Promise((resolve, reject) => {
      directory.with(
        jid,
        (account) => {
          try {
            resolve(this.#bindIn(account, stream, wanted, lang, conflict));
          } catch (error) {
            reject(error);
          }
        },
        (error) => {
          log.error({ code: 'storage.account-unreadable', error }, 'an account could not be loaded');
          reject(new StanzaError('internal-server-error', { type: 'wait' }));
        },
      );
    });
  }

  #bindIn(
    account: AccountState,
    stream: SessionStream,
    wanted: string | null,
    lang: string | undefined,
    conflict: SessionServiceOptions['conflict'],
  ): Session {
    const { sessionsPerAccount, outboundLimit, hooks } = this.#options;
    if (!account.exists) throw new StanzaError('not-allowed');
    let resource = wanted ?? randomResource();
    const holder = account.session(resource);
    if (holder !== undefined) {
      if (conflict === 'refuse') throw new StanzaError('conflict', { type: 'modify' });
      if (conflict === 'override') resource = `${resource} ${randomResource()}`;
      // §7.7.2.2 behaviour 3: the newcomer is most often the same client after a broken connection
      else this.replace(holder);
    }
    if (account.sessions.length >= sessionsPerAccount) {
      // XEP-0205 §4.4
      const application = xml('resource-limit-exceeded', { xmlns: NS.errors });
      throw new StanzaError('resource-constraint', { application });
    }
    const session = new Session({
      id: randomBytes(6).toString('base64url'),
      jid: account.jid.withResource(resource),
      account,
      stream,
      lang,
      outboundLimit,
      outboundFilter: (target, stanza) => hooks.sessionOutbound.run(target, stanza),
    });
    account.add(session);
    this.count++;
    hooks.sessionBound.emit(session);
    return session;
  }

  /** Ends a session in favour of a new one: its client hears `conflict`. */
  replace(session: Session): void {
    const stream = session.stream;
    session.stream = null;
    stream?.fail('conflict', 'replaced by a new connection');
    this.end(session);
  }

  /** Ends all sessions of an account (password changed, disabled, removed). */
  endAll(
    account: AccountState,
    why: 'not-authorized' | 'policy-violation' | 'conflict',
    text: string,
    except?: Session,
  ): void {
    for (const session of account.sessions) {
      if (session !== except) this.endOne(session, why, text);
    }
  }

  /** Ends one session; its client is told why. */
  endOne(session: Session, why: 'not-authorized' | 'policy-violation' | 'conflict', text: string): void {
    const stream = session.stream;
    session.stream = null;
    stream?.fail(why, text);
    this.end(session);
  }

  /** Ends what is left when the core stops: sessions that wait to be resumed cannot be after that. */
  endEvery(): void {
    for (const account of [...this.#options.directory.online()]) {
      for (const session of account.sessions) this.end(session);
    }
    this.#handOver.finish();
  }

  /**
   * The session ends for good: its resource is gone, everybody who saw it hears so, and what its client has not
   * certainly received is handed on (RFC 6121 §4.5, §8.5.3.2; XEP-0198 §5).
   */
  end(session: Session): void {
    if (session.ended) return;
    session.ended = true;
    session.stream = null;
    this.count--;
    session.account.remove(session);
    this.#options.presence.sessionEnded(session);
    this.handOn(session, session.outbound.takeAll());
    this.#options.hooks.sessionEnded.emit(session);
  }

  /** RFC 6121 §8.5.3.2: what an ended session did not get, as if it had come for its full JID just now. */
  handOn(session: Session, stanzas: readonly Stanza[]): void {
    if (stanzas.length === 0) return;
    this.#options.hooks.sessionLeaves.emit(session, stanzas);
    this.#handOver.take(session.account, stanzas, session);
  }

  /** `session`: the one that has left it; null for what came for the account meanwhile. */
  #handOn(account: AccountState, stanza: Stanza, origin: Origin, session: Session | null): void {
    const { router, hooks } = this.#options;
    if (session !== null) hasNot(stanza, session);
    if (stanza.name === 'presence') return;
    if (stanza.name === 'iq') {
      if (stanza.type === 'get' || stanza.type === 'set')
        router.bounce(stanza, new StanzaError('service-unavailable'));
      return;
    }
    const type = messageType(stanza);
    if (type === 'error' || type === 'headline') return;
    // XEP-0280 §10: the original is answered for, its copies are neither stored nor refused
    if (isCopy(stanza, account)) return;
    if (type === 'groupchat') {
      // §18.1.3 of XEP-0045: the room learns from this error that the occupant is gone
      router.bounce(stanza, new StanzaError('recipient-unavailable', { type: 'wait' }));
      return;
    }
    if (hooks.messageUndelivered.run(account, stanza, origin)) return;
    // RFC 6121 §8.5.2.1.1: it was for each of several resources, and is not refused where one has it
    if (isElsewhere(stanza)) return;
    router.bounce(stanza, new StanzaError('recipient-unavailable', { type: 'wait' }));
  }
}

/** RFC 6120 §7.6: random, so that nobody can guess whether somebody is online. */
export function randomResource(): string {
  return randomBytes(12).toString('base64url');
}
