import type { Element } from '../../shared/xml/element.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import type { AccountState } from '../sessions/account-state.js';

export interface Identity {
  readonly category: string;
  readonly type: string;
  readonly name?: string;
}
export interface DiscoItem {
  readonly jid: string;
  readonly node?: string;
  readonly name?: string;
}

/** Who asks whom about what. */
export interface DiscoQuery {
  readonly from: Jid;
  readonly to: Jid;
  /** The account that is asked, null for the server. */
  readonly account: AccountState | null;
}

/** Parts of a disco#info answer (XEP-0030, with XEP-0128 forms). */
export interface DiscoInfo {
  identities: Identity[];
  features: string[];
  forms: Element[];
}

type Scope = 'server' | 'account';

/** What features announce; `disco.ts` answers from it. */
export class DiscoRegistry {
  readonly #identities: Record<Scope, Identity[]> = { server: [], account: [] };
  readonly #features: Record<Scope, Set<string>> = { server: new Set(), account: new Set() };
  readonly #forms: Record<Scope, (() => Element)[]> = { server: [], account: [] };
  readonly #contributors: ((scope: Scope, query: DiscoQuery, info: DiscoInfo) => void)[] = [];
  #answers = new Map<string, string>();
  readonly #items: ((scope: Scope, query: DiscoQuery) => DiscoItem[])[] = [];
  readonly #nodes = new Map<string, NodeHandlers>();
  readonly #dynamic: ((name: string) => DiscoInfo | null)[] = [];

  identity(scope: Scope, identity: Identity): void {
    this.#identities[scope].push(identity);
  }
  feature(scope: Scope, ...features: string[]): void {
    for (const feature of features) this.#features[scope].add(feature);
  }
  form(scope: Scope, form: () => Element): void {
    this.#forms[scope].push(form);
  }
  /**
   * Adds parts that depend on the moment (who changes them calls {@link changed}) or on which component asks: nested
   * disco, what is granted. Everybody who is no component gets the same.
   */
  contribute(contributor: (scope: Scope, query: DiscoQuery, info: DiscoInfo) => void): void {
    this.#contributors.push(contributor);
  }
  /** Adds items; the same rules as for {@link contribute}. */
  items(source: (scope: Scope, query: DiscoQuery) => DiscoItem[]): void {
    this.#items.push(source);
  }
  /** Answers for one node of the server (ad-hoc commands), which accounts find at their own address, too. */
  node(name: string, handlers: NodeHandlers): void {
    this.#nodes.set(name, handlers);
  }
  /** Answers disco#info for nodes of the server whose names change; null for those it does not know. */
  dynamicNode(info: (name: string) => DiscoInfo | null): void {
    this.#dynamic.push(info);
  }
  /** Who answers for a node that somebody asks of his own account. */
  ownNodeHandlers(name: string): NodeHandlers | undefined {
    return this.#nodes.get(name);
  }
  nodeHandlers(name: string): NodeHandlers | undefined {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    for (const dynamic of this.#dynamic) {
      const info = dynamic(name);
      if (info !== null) return { info: () => info };
    }
    return undefined;
  }

  /** What has been contributed may be another now: answers are made anew. */
  changed(): void {
    this.#answers.clear();
  }
  /** An answer that everybody gets, as wire text: made once, until {@link changed}. */
  common(kind: 'info' | 'items' | 'capabilities', scope: Scope, make: () => string): string {
    const key = `${kind} ${scope}`;
    let text = this.#answers.get(key);
    if (text === undefined) {
      text = make();
      this.#answers.set(key, text);
    }
    return text;
  }

  info(scope: Scope, query: DiscoQuery): DiscoInfo {
    const info: DiscoInfo = {
      identities: [...this.#identities[scope]],
      features: [...this.#features[scope]],
      forms: this.#forms[scope].map((make) => make()),
    };
    for (const contributor of this.#contributors) contributor(scope, query, info);
    // Several may say the same; XEP-0115 §5.4 has clients refuse an answer that says it twice.
    return {
      identities: uniqueBy(info.identities, ({ category, type }) => `${category}/${type}`),
      features: [...new Set(info.features)],
      forms: uniqueBy(info.forms, formType),
    };
  }
  itemsOf(scope: Scope, query: DiscoQuery): DiscoItem[] {
    return this.#items.flatMap((source) => source(scope, query));
  }
}

/** The first of each key. */
function uniqueBy<T>(list: readonly T[], key: (one: T) => string): T[] {
  return [...new Map([...list].reverse().map((one) => [key(one), one])).values()].reverse();
}

function formType(form: Element): string {
  const field = form.getChildren('field').find(({ attrs }) => attrs['var'] === 'FORM_TYPE');
  return field?.getChildText('value') ?? '';
}

export interface NodeHandlers {
  info?(query: DiscoQuery): DiscoInfo | null;
  items?(query: DiscoQuery): DiscoItem[] | null;
}
