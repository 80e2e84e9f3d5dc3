import type { BareJid } from '../../shared/xmpp/jid.js';

/** RFC 6121 §2.1.2.5. */
export type Subscription = 'none' | 'to' | 'from' | 'both';

/** One roster item with everything the state tables of RFC 6121 Appendix A need. */
export interface RosterItem {
  readonly jid: BareJid;
  readonly name?: string;
  readonly groups: readonly string[];
  readonly subscription: Subscription;
  /** "Pending Out": we asked and were not answered. */
  readonly ask: boolean;
  /** We approve a request that has not come yet (RFC 6121 §3.4). */
  readonly approved: boolean;
}

/** A subscription request that waits for its answer ("Pending In"), kept whole (RFC 6121 §3.1.3). */
export interface PendingRequest {
  readonly from: BareJid;
  /** The presence stanza as it came, as wire text. */
  readonly stanza: string;
}

/** What an item takes, roughly, in characters. */
export function itemWeight({ jid, name = '', groups }: RosterItem): number {
  let weight = 100 + jid.length + name.length;
  for (const group of groups) weight += 4 + group.length;
  return weight;
}

/** One account's roster in memory. Changed only by `RosterService`, which stores each change first. */
export class Roster {
  readonly items = new Map<BareJid, RosterItem>();
  readonly pendingIn = new Map<BareJid, PendingRequest>();
  /** Random part of the version string, one for each roster that ever existed. */
  epoch = '';
  /** Sequence of the last change (RFC 6121 §2.6). */
  version = 0;

  /** What the items take, roughly, in characters. */
  get weight(): number {
    let weight = 0;
    for (const item of this.items.values()) weight += itemWeight(item);
    return weight;
  }
  /** What the waiting requests take, in characters. */
  get pendingWeight(): number {
    let weight = 0;
    for (const { stanza } of this.pendingIn.values()) weight += stanza.length;
    return weight;
  }

  /** Becomes what was stored. The version stays ahead: clients may have been told the one that was not. */
  restore(stored: Roster): void {
    this.items.clear();
    for (const [jid, item] of stored.items) this.items.set(jid, item);
    this.pendingIn.clear();
    for (const [jid, request] of stored.pendingIn) this.pendingIn.set(jid, request);
    this.version = Math.max(this.version, stored.version) + 1;
  }

  /** The contact may see our presence. */
  subscribesToUs(contact: BareJid): boolean {
    const state = this.items.get(contact)?.subscription;
    return state === 'from' || state === 'both';
  }

  /** We may see the contact's presence. */
  subscribedTo(contact: BareJid): boolean {
    const state = this.items.get(contact)?.subscription;
    return state === 'to' || state === 'both';
  }
}
