import { randomUUID } from 'node:crypto';
import type { Jid } from '../../shared/xmpp/jid.js';

const LIFETIME_MILLISECONDS = 10 * 60_000;
const MOST_SESSIONS = 1000;

interface CommandSession {
  readonly owner: string;
  readonly node: string;
  readonly since: number;
}

/** Executions whose form is out and not back yet (XEP-0050 §"Session Lifetime"): each of one full JID, for ten minutes. */
export class CommandSessions {
  readonly #sessions = new Map<string, CommandSession>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  begin(owner: Jid, node: string): string {
    this.#forgetOld();
    const id = randomUUID();
    this.#sessions.set(id, { owner: owner.full, node, since: this.#now() });
    return id;
  }

  /** Whether this execution is going on, for this owner and this command. */
  has(id: string, owner: Jid, node: string): boolean {
    this.#forgetOld();
    const session = this.#sessions.get(id);
    return session !== undefined && session.owner === owner.full && session.node === node;
  }

  end(id: string): void {
    this.#sessions.delete(id);
  }

  /** The map is in the order of beginning, so the first are the oldest. */
  #forgetOld(): void {
    const oldest = this.#now() - LIFETIME_MILLISECONDS;
    for (const [id, session] of this.#sessions) {
      if (session.since > oldest && this.#sessions.size < MOST_SESSIONS) return;
      this.#sessions.delete(id);
    }
  }
}
