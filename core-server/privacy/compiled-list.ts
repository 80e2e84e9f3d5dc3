import type { Jid } from '../../shared/xmpp/jid.js';
import type { AccountState } from '../sessions/account-state.js';
import { isBlockItem, type RuleItem } from './rule-document.js';
import type { RuleStanzaKind, RuleVerdict } from './rule-evaluator.js';

/**
 * One privacy list, ready to be asked. JID items are found by look-up, whatever their number; the rest are few and are
 * looked through. The first match by `order` decides (XEP-0016 §2.2 rules 5–7).
 */
export class CompiledList {
  readonly #byJid = new Map<string, RuleItem[]>();
  readonly #others: RuleItem[] = [];
  /** The forms of JIDs (§2.1) that some item has: the others need not be looked for. */
  #resources = false;
  #bares = false;
  #domainResources = false;
  #domains = false;

  constructor(items: readonly RuleItem[]) {
    for (const item of [...items].sort((a, b) => a.order - b.order)) {
      if (item.type !== 'jid') {
        this.#others.push(item);
        continue;
      }
      this.#noteForm(item.value);
      const same = this.#byJid.get(item.value);
      if (same === undefined) this.#byJid.set(item.value, [item]);
      else same.push(item);
    }
  }

  evaluate(direction: 'in' | 'out', kind: RuleStanzaKind, peer: Jid, account: AccountState): RuleVerdict {
    let best: RuleItem | null = null;
    // §2.1: full JID, bare JID, domain with resource, domain
    if (peer.local !== '') {
      if (this.#resources && peer.resource !== '') best = this.#earlier(best, peer.full, direction, kind);
      if (this.#bares) best = this.#earlier(best, peer.bare, direction, kind);
    }
    if (this.#domainResources && peer.resource !== '') {
      best = this.#earlier(best, `${peer.domain}/${peer.resource}`, direction, kind);
    }
    if (this.#domains) best = this.#earlier(best, peer.domain, direction, kind);
    for (const item of this.#others) {
      if (best !== null && item.order > best.order) break;
      if (covers(item, direction, kind) && fits(item, peer, account)) {
        best = item;
        break;
      }
    }
    if (best === null || best.allow) return 'allow';
    return isBlockItem(best) ? 'blocked' : 'deny';
  }

  #noteForm(jid: string): void {
    const slash = jid.indexOf('/');
    const user = jid.lastIndexOf('@', slash < 0 ? jid.length : slash) >= 0;
    if (user && slash >= 0) this.#resources = true;
    else if (user) this.#bares = true;
    else if (slash >= 0) this.#domainResources = true;
    else this.#domains = true;
  }

  #earlier(
    best: RuleItem | null,
    jid: string,
    direction: 'in' | 'out',
    kind: RuleStanzaKind,
  ): RuleItem | null {
    const items = this.#byJid.get(jid);
    if (items === undefined) return best;
    for (const item of items) {
      if (best !== null && item.order > best.order) return best;
      if (covers(item, direction, kind)) return item;
    }
    return best;
  }
}

/** §2.1: kinds name what comes in, but for `presence-out`; without kinds everything is meant. */
function covers(item: RuleItem, direction: 'in' | 'out', kind: RuleStanzaKind): boolean {
  if (item.kinds.length === 0) return true;
  if (kind === 'other') return false;
  if (kind === 'presence-out') return direction === 'out' && item.kinds.includes('presence-out');
  return direction === 'in' && item.kinds.includes(kind);
}

/** Against the live roster (§2.2 rule 9). */
function fits(item: RuleItem, peer: Jid, account: AccountState): boolean {
  if (item.type === null) return true;
  const contact = account.roster.items.get(peer.bare);
  if (item.type === 'subscription') return (contact?.subscription ?? 'none') === item.value;
  return contact?.groups.includes(item.value) === true;
}
