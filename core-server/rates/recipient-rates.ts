import type { Logger } from '../../shared/observability/types.js';
import { xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { errorReply, StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';

const WINDOW_MILLISECONDS = 60_000;

interface Written {
  since: number;
  readonly to: Set<string>;
  logged: boolean;
}

/** To how many different addresses the clients of one account may write in a minute (RFC 6120 §13.12 rule 5). */
export class RecipientRates {
  readonly #perMinute: number;
  readonly #exempt: ReadonlySet<string>;
  readonly #log: Logger;
  readonly #written = new WeakMap<AccountState, Written>();

  private constructor(perMinute: number, exempt: ReadonlySet<string>, log: Logger) {
    this.#perMinute = perMinute;
    this.#exempt = exempt;
    this.#log = log;
  }

  /** Null where the operator limits nothing. */
  static of(perMinute: number, exempt: ReadonlySet<string>, log: Logger): RecipientRates | null {
    return perMinute > 0 ? new RecipientRates(perMinute, exempt, log) : null;
  }

  /** A client's stanza, before it is routed: true where it was refused. */
  refused(session: Session, stanza: Stanza): boolean {
    const to = stanza.toJid;
    const { type } = stanza;
    if (!to || type === 'error' || type === 'result' || type === 'unavailable') return false;
    if (this.allows(session.account, to)) return false;
    // XEP-0205 §4.6 names the application's condition, RFC 6120 §13.12 the stanza's
    const application = xml('too-many-stanzas', { xmlns: NS.errors });
    const reply = errorReply(stanza, new StanzaError('policy-violation', { type: 'wait', application }));
    if (reply !== null) session.deliver(reply);
    return true;
  }

  /** Whether this account may write to one more; whom it has written to already always counts as one. */
  allows(account: AccountState, to: Jid, now = performance.now()): boolean {
    if (
      to.bare === account.bare ||
      (to.local === '' && to.domain === account.jid.domain) ||
      this.#exempt.has(account.bare)
    )
      return true;
    let written = this.#written.get(account);
    if (written === undefined || now - written.since > WINDOW_MILLISECONDS) {
      written = { since: now, to: new Set(), logged: false };
      this.#written.set(account, written);
    }
    if (written.to.has(to.bare)) return true;
    if (written.to.size < this.#perMinute) {
      written.to.add(to.bare);
      return true;
    }
    if (!written.logged) {
      this.#log.warn(
        { code: 'c2s.too-many-recipients', account: account.bare },
        'an account writes to too many',
      );
      written.logged = true;
    }
    return false;
  }
}
