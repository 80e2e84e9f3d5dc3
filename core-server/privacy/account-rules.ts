import type { Jid } from '../../shared/xmpp/jid.js';
import type { AccountState } from '../sessions/account-state.js';
import type { Session } from '../sessions/session.js';
import { CompiledList } from './compiled-list.js';
import type { RuleDocument } from './rule-document.js';
import type { RuleEvaluator, RuleStanzaKind, RuleVerdict } from './rule-evaluator.js';

/** The privacy lists of one account in memory, and which list each session has made active. */
export class AccountRules implements RuleEvaluator {
  document: RuleDocument;
  #compiled = new Map<string, CompiledList>();
  /** The default list, which is asked most; undefined until it is. */
  #default: CompiledList | null | undefined = undefined;
  /** Active lists live as long as their session (XEP-0016 §2.2 rule 1). */
  readonly #active = new WeakMap<Session, string>();

  constructor(document: RuleDocument) {
    this.document = document;
  }

  /** New definitions apply at once, to active lists too (§2.2 rule 8). */
  replace(document: RuleDocument): void {
    this.document = document;
    this.#compiled = new Map();
    this.#default = undefined;
  }

  activeOf(session: Session): string | null {
    return this.#active.get(session) ?? null;
  }

  setActive(session: Session, name: string | null): void {
    if (name === null) this.#active.delete(session);
    else this.#active.set(session, name);
  }

  evaluate(
    direction: 'in' | 'out',
    kind: RuleStanzaKind,
    peer: Jid,
    account: AccountState,
    session: Session | null,
  ): RuleVerdict {
    const active = session === null ? null : this.activeOf(session);
    // rule 1, 2: the active list only, else the default list
    const list = active === null ? this.#defaultList() : this.#list(active);
    if (list === null) return 'allow';
    const verdict = list.evaluate(direction, kind, peer, account);
    // XEP-0191 speaks of the default list only
    return verdict === 'blocked' && active !== null && active !== this.document.default ? 'deny' : verdict;
  }

  /** The full JIDs of users that items speak of. */
  *resourcesNamed(): Iterable<string> {
    for (const { items } of this.document.lists) {
      for (const { type, value } of items) {
        if (type === 'jid' && /^[^/]*@[^/]*\//.test(value)) yield value;
      }
    }
  }

  #defaultList(): CompiledList | null {
    if (this.#default === undefined) {
      const { default: name } = this.document;
      this.#default = name === null ? null : this.#list(name);
    }
    return this.#default;
  }

  #list(name: string): CompiledList | null {
    const known = this.#compiled.get(name);
    if (known !== undefined) return known;
    const list = this.document.lists.find((other) => other.name === name);
    if (list === undefined) return null;
    const compiled = new CompiledList(list.items);
    this.#compiled.set(name, compiled);
    return compiled;
  }
}
