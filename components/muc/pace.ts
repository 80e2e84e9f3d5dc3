import { forgetOldest } from '../../shared/forget-oldest.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { isSubjectChange } from './subject.js';

/** Characters a second, and at once: what one account may have the service write of its rooms and answer. */
const PER_SECOND = 4_000_000;
const AT_ONCE = 32_000_000;
/** Accounts that are remembered; then the one that was charged longest ago goes first. */
const KEPT = 10_000;

interface Spent {
  level: number;
  at: number;
}

/**
 * What short requests cost. A room is one document, written whole for each change, and everybody's messages wait for that;
 * the list of a large room's occupants is long. Who has had so much done is told to wait, also outside of the room, where
 * the rate of sessions (XEP-0045 §14.6) does not reach.
 */
export class AccountPace {
  readonly #spent = new Map<string, Spent>();

  get size(): number {
    return this.#spent.size;
  }

  /** Something was done for this account. */
  charge(account: string, characters: number, now: number): void {
    if (characters === 0) return;
    const level = this.#levelOf(account, now) + characters;
    this.#spent.delete(account);
    this.#spent.set(account, { level, at: now });
    forgetOldest(this.#spent, KEPT);
  }

  /** Whether it has to wait before more is done for it. */
  exceeded(account: string, now: number): boolean {
    return this.#spent.size > 0 && this.#levelOf(account, now) > AT_ONCE;
  }

  #levelOf(account: string, now: number): number {
    const spent = this.#spent.get(account);
    if (spent === undefined) return 0;
    const level = spent.level - ((now - spent.at) * PER_SECOND) / 1000;
    if (level > 0) return level;
    this.#spent.delete(account);
    return 0;
  }
}

/** Whether a stanza to a room may have its document written or a long answer: no messages to all, no pings. */
export function mayBeCostly(stanza: Stanza): boolean {
  const { name, type, toJid } = stanza;
  if (toJid?.resource !== '' || type === 'error' || type === 'result') return false;
  if (name === 'iq') return stanza.payload?.namespace !== NS.ping;
  return name === 'message' && (type !== 'groupchat' || isSubjectChange(stanza));
}
