import type { Jid } from '../../shared/xmpp/jid.js';
import type { AccountState } from '../sessions/account-state.js';
import { type ItemKind, isBlockItem, type RuleItem } from './rule-document.js';
import type { RuleStanzaKind, RuleVerdict } from './rule-evaluator.js';

/**
 * The items of one type by their values, each list by `order`. What earlier items of the same value decide in every case is
 * left out, so that a value has as many items as there are kinds, whatever a client repeats.
 */
class Items {
  readonly #byValue = new Map<string, { readonly items: RuleItem[]; decided: number }>();

  /** To be called by `order`. */
  add(item: RuleItem): void {
    const decides =
      item.kinds.length === 0 ? EVERYTHING : item.kinds.reduce((all, kind) => all | BITS[kind], 0);
    const same = this.#byValue.get(item.value);
    if (same === undefined) this.#byValue.set(item.value, { items: [item], decided: decides });
    else if ((decides & ~same.decided) !== 0) {
      same.items.push(item);
      same.decided |= decides;
    }
  }

  get empty(): boolean {
    return this.#byValue.size === 0;
  }

  of(value: string): readonly RuleItem[] | undefined {
    return this.#byValue.get(value)?.items;
  }
}

const BITS: Readonly<Record<ItemKind, number>> = {
  message: 1,
  iq: 2,
  'presence-in': 4,
  'presence-out': 8,
};
/** An item without kinds decides what none of them names, too. */
const EVERYTHING = 31;

/**
 * One privacy list, ready to be asked: items are found by look-up, whatever their number, since all contacts of all sessions
 * are asked about when rules change. The first match by `order` decides (XEP-0016 §2.2 rules 5–7).
 */
export class CompiledList {
  readonly #jids = new Items();
  readonly #groups = new Items();
  readonly #subscriptions = new Items();
  /** Items without a type: they concern everybody. */
  readonly #all = new Items();
  /** The forms of JIDs (§2.1) that some item has: the others need not be looked for. */
  #resources = false;
  #bares = false;
  #domainResources = false;
  #domains = false;

  constructor(items: readonly RuleItem[]) {
    for (const item of [...items].sort((a, b) => a.order - b.order)) {
      if (item.type === 'jid') this.#noteForm(item.value);
      this.#itemsOf(item.type).add(item);
    }
  }

  evaluate(direction: 'in' | 'out', kind: RuleStanzaKind, peer: Jid, account: AccountState): RuleVerdict {
    let best: RuleItem | null = null;
    // §2.1: full JID, bare JID, domain with resource, domain
    if (peer.local !== '') {
      if (this.#resources && peer.resource !== '')
        best = earlier(best, this.#jids.of(peer.full), direction, kind);
      if (this.#bares) best = earlier(best, this.#jids.of(peer.bare), direction, kind);
    }
    if (this.#domainResources && peer.resource !== '') {
      best = earlier(best, this.#jids.of(`${peer.domain}/${peer.resource}`), direction, kind);
    }
    if (this.#domains) best = earlier(best, this.#jids.of(peer.domain), direction, kind);
    best = earlier(best, this.#all.of(''), direction, kind);
    if (!this.#subscriptions.empty || !this.#groups.empty) {
      // Against the live roster (§2.2 rule 9).
      const contact = account.roster.items.get(peer.bare);
      best = earlier(best, this.#subscriptions.of(contact?.subscription ?? 'none'), direction, kind);
      if (!this.#groups.empty)
        for (const group of contact?.groups ?? [])
          best = earlier(best, this.#groups.of(group), direction, kind);
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

  #itemsOf(type: RuleItem['type']): Items {
    if (type === 'jid') return this.#jids;
    if (type === 'group') return this.#groups;
    return type === 'subscription' ? this.#subscriptions : this.#all;
  }
}

/** The first that decides this, of `best` and those of one value. */
function earlier(
  best: RuleItem | null,
  items: readonly RuleItem[] | undefined,
  direction: 'in' | 'out',
  kind: RuleStanzaKind,
): RuleItem | null {
  for (const item of items ?? []) {
    if (best !== null && item.order > best.order) return best;
    if (covers(item, direction, kind)) return item;
  }
  return best;
}

/** §2.1: kinds name what comes in, but for `presence-out`; without kinds everything is meant. */
function covers(item: RuleItem, direction: 'in' | 'out', kind: RuleStanzaKind): boolean {
  if (item.kinds.length === 0) return true;
  if (kind === 'other') return false;
  if (kind === 'presence-out') return direction === 'out' && item.kinds.includes('presence-out');
  return direction === 'in' && item.kinds.includes(kind);
}
