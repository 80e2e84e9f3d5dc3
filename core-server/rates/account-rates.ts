import type { Counter, Logger, Metrics } from '../../shared/observability/types.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';

/** What may come at once after a quiet time, in seconds of the rate: a client that logs in says much. */
const BURST_SECONDS = 5;
/** An account is named in the log at most once in this time. */
const LOG_MILLISECONDS = 60_000;

interface Spent {
  stanzas: number;
  bytes: number;
  since: number;
  logged: number;
}

interface AccountRatesOptions {
  /** 0: no limit. */
  readonly stanzasPerSecond: number;
  readonly bytesPerSecond: number;
  /** Bare JIDs that no rate concerns. */
  readonly exempt: ReadonlySet<string>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * What the clients of one account may send together, whatever the number of their streams: above it reading pauses, and
 * nothing is dropped, so a client that sends too fast is slow and nothing else.
 */
export class AccountRates {
  readonly #options: AccountRatesOptions;
  readonly #spent = new WeakMap<AccountState, Spent>();
  readonly #paused: Counter;

  constructor(options: AccountRatesOptions) {
    this.#options = options;
    this.#paused = options.metrics.counter(
      'account_rate_pauses_total',
      'Times that a client was not read from because its account had sent too fast',
    );
  }

  /** Null where the operator limits nothing. */
  static of(options: AccountRatesOptions): AccountRates | null {
    return options.stanzasPerSecond > 0 || options.bytesPerSecond > 0 ? new AccountRates(options) : null;
  }

  /** A client's stanza has come. */
  took(session: Session, stanza: Stanza): void {
    const { account } = session;
    const { exempt, stanzasPerSecond, bytesPerSecond, log } = this.#options;
    if (exempt.has(account.bare)) return;
    const now = performance.now();
    const spent = this.#spent.get(account) ?? { stanzas: 0, bytes: 0, since: now, logged: -LOG_MILLISECONDS };
    const seconds = (now - spent.since) / 1000;
    spent.since = now;
    spent.stanzas = Math.max(0, spent.stanzas - seconds * stanzasPerSecond) + 1;
    spent.bytes = Math.max(0, spent.bytes - seconds * bytesPerSecond) + stanza.source.length;
    this.#spent.set(account, spent);
    const wait = Math.max(over(spent.stanzas, stanzasPerSecond), over(spent.bytes, bytesPerSecond));
    if (wait <= 0) return;
    this.#paused.inc();
    session.stream?.pauseFor(Math.ceil(wait * 1000));
    if (now - spent.logged < LOG_MILLISECONDS) return;
    spent.logged = now;
    log.info(
      { code: 'c2s.account-rate', account: account.bare, session: session.jid.full },
      'an account sends faster than it may',
    );
  }
}

/** Seconds until what is above the burst has drained. */
function over(level: number, perSecond: number): number {
  return perSecond === 0 ? 0 : level / perSecond - BURST_SECONDS;
}
