import type { BareJid, Jid } from '../../shared/xmpp/jid.js';
import type { RuleEvaluator } from '../privacy/rule-evaluator.js';
import { Roster } from '../roster/roster.js';
import type { Session } from './session.js';

/**
 * What the core keeps in memory of one account while it is in use: the sessions and the facts that routing needs.
 * Loaded as a whole by the `SessionDirectory`, so that handlers of stanzas are synchronous.
 */
export class AccountState {
  readonly jid: Jid;
  /** False for an address of a hosted domain that has no account: kept for a while so that asking is cheap. */
  exists: boolean;
  sessions: readonly Session[] = [];
  roster: Roster = new Roster();
  /** Compiled privacy rules; null for nearly everybody, and then nothing is evaluated. */
  rules: RuleEvaluator | null = null;
  /** When its last available resource went, if this process saw that. */
  lastUnavailable: Date | null = null;
  /** When it was last used, in `performance.now()` milliseconds: the directory forgets the idle ones. */
  lastUsed = 0;

  constructor(jid: Jid, exists: boolean) {
    this.jid = jid;
    this.exists = exists;
  }

  get bare(): BareJid {
    return this.jid.bare;
  }

  session(resource: string): Session | undefined {
    for (const session of this.sessions) if (session.jid.resource === resource) return session;
    return undefined;
  }

  add(session: Session): void {
    this.sessions = [...this.sessions, session];
  }

  remove(session: Session): void {
    this.sessions = this.sessions.filter((other) => other !== session);
  }

  /** Sessions that have sent available presence ("available resources"). */
  availableSessions(): Session[] {
    return this.sessions.filter((session) => session.presence !== null);
  }
}
