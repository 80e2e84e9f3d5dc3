import { forgetOldest } from '../../shared/forget-oldest.js';
import { isLoopback } from '../../shared/net/loopback.js';
import { networkOf } from '../../shared/net/network.js';
import type { Counter, Logger, Metrics } from '../../shared/observability/types.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { failure, type SaslFailure } from '../sasl/mechanism.js';
import type { AddressRules } from './address-rules.js';
import { LeakyCounts } from './leaky-counts.js';

/** How such a log-in is answered (RFC 6120 §6.5.11); the stream ends with it. */
export const TOO_MANY_LOGINS: SaslFailure = failure(
  'temporary-auth-failure',
  'too many log-ins have failed: try again later',
);

/** Log-ins are limited over this time. */
const WINDOW_MILLISECONDS = 600_000;
/** Pairs of account and network that a log-in has succeeded from. */
const KNOWN = 100_000;

/**
 * How often passwords may be guessed: from one address, whatever the accounts; and at one account, from wherever. An
 * account that is under attack stays open to the networks from which its owner has logged in before (while this
 * process lives), so that guessing at it does not lock its owner out.
 */
export class LoginRates {
  readonly #rules: AddressRules;
  readonly #addresses: LeakyCounts;
  readonly #accounts: LeakyCounts;
  readonly #known = new Set<string>();
  readonly #refused: Counter;
  readonly #log: Logger;

  constructor(options: {
    readonly perAddress: number;
    readonly perAccount: number;
    readonly rules: AddressRules;
    readonly metrics: Metrics;
    readonly log: Logger;
  }) {
    this.#rules = options.rules;
    this.#addresses = new LeakyCounts(options.perAddress, WINDOW_MILLISECONDS);
    this.#accounts = new LeakyCounts(options.perAccount, WINDOW_MILLISECONDS);
    this.#log = options.log;
    this.#refused = options.metrics.counter(
      'logins_limited_total',
      'Log-ins refused because too many had failed, by what was counted',
      ['by'],
    );
  }

  /** Whether nobody may try to log in from there now. */
  closedTo(address: string): boolean {
    if (!this.#counts(address) || !this.#addresses.isFull(networkOf(address))) return false;
    this.#refused.inc(1, { by: 'address' });
    return true;
  }

  /** The right password was shown. False: too many wrong ones were, by strangers like this one, so it is not looked at. */
  admits(address: string, account: string): boolean {
    const pair = `${account} ${networkOf(address)}`;
    if (!this.#known.has(pair) && !this.#rules.exempt(address) && this.#accounts.isFull(account)) {
      this.#refused.inc(1, { by: 'account' });
      return false;
    }
    this.#known.delete(pair);
    this.#known.add(pair);
    forgetOldest(this.#known, KNOWN);
    return true;
  }

  /** A wrong password was shown for what may be an account. */
  failed(address: string, claimed: string | undefined): void {
    if (this.#counts(address) && this.#addresses.add(networkOf(address))) {
      this.#log.warn({ code: 'c2s.logins-closed', address }, 'too many failed log-ins from one address');
    }
    // What is no address is no account either; and it may be as long as an element of a stranger, while it would be kept.
    const account = claimed === undefined ? undefined : parseJid(claimed)?.bare;
    if (account === undefined) return;
    if (this.#accounts.add(account)) {
      this.#log.warn({ code: 'c2s.logins-closed', account }, 'too many failed log-ins at one account');
    }
  }

  /** A proxy on this machine that does not say for whom it speaks would be all clients at once. */
  #counts(address: string): boolean {
    return !this.#rules.exempt(address) && !isLoopback(address);
  }
}
