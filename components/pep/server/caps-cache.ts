import type { Counter, Logger } from '../../../shared/observability/types.js';
import type { Element } from '../../../shared/xml/element.js';
import { detachedCopy } from '../../../shared/xml/names.js';
import { type Caps, canHash, verifyCaps } from '../../../shared/xmpp/caps.js';
import { parseInfo } from '../../../shared/xmpp/disco.js';
import type { CapsStore } from './caps-store.js';

/** Of one client: more interests than this are not believed. */
const INTERESTS = 300;
const INTEREST_LENGTH = 512;
/** Hashes kept while nobody uses them. */
const KEPT_ENTRIES = 5_000;
/** How long a resource that could not prove a hash is not asked again, nor anybody after so many. */
const REST_MILLISECONDS = 600_000;
const UNPROVED = 20;
/** Of those, so many of one account. */
const UNPROVED_OF_ACCOUNT = 3;
/** Resources that are remembered as those who could be asked next. */
const CANDIDATES = 5;
const SUFFIX = '+notify';
const NOTHING: ReadonlySet<string> = new Set();

/** One set of capabilities that clients announce (XEP-0115), and the nodes whose events such clients want. */
export interface CapsEntry {
  readonly caps: Caps;
  /** Undefined until known. */
  interests: ReadonlySet<string> | undefined;
}

/**
 * Asks one resource for its disco#info at a node, in the name of `account` where that is allowed; rejects when it does not
 * answer, with {@link Unreachable} where the question did not get to it.
 */
export type AskInfo = (resource: string, node: string, account: string | undefined) => Promise<Element>;

/** Nobody who might ask a client can reach its server, so far: that says nothing of the client. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

interface Known extends CapsEntry {
  readonly key: string | null;
  users: number;
  asking: Promise<void> | null;
  /** Who could not prove it, until they may try again. */
  readonly failed: Set<string>;
  /** Those of them that the question did not get to. */
  readonly unreached: Set<string>;
  restUntil: number;
  /** Resources that announce the same and could be asked instead, with an account that each knows. */
  readonly candidates: Map<string, string | undefined>;
}

/** Capabilities by hash: each is asked for once, proved (XEP-0115 §5.4) and remembered, over restarts too. */
export class CapsCache {
  readonly #ask: AskInfo;
  readonly #store: CapsStore;
  readonly #log: Logger;
  readonly #queries: Counter;
  readonly #linked: () => boolean;
  readonly #entries = new Map<string, Known>();
  /** Of those, the ones that nobody announces now, longest first: hashes are free to invent, and nobody looks at them all. */
  readonly #unused = new Set<Known>();

  /** `linked`: whether the server is there to ask by. */
  constructor(options: {
    ask: AskInfo;
    store: CapsStore;
    log: Logger;
    queries: Counter;
    linked: () => boolean;
  }) {
    this.#linked = options.linked;
    this.#ask = options.ask;
    this.#store = options.store;
    this.#log = options.log;
    this.#queries = options.queries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The entry for what a resource announces; it is held until {@link release}. */
  hold(caps: Caps): CapsEntry {
    const provable = caps.hash !== undefined && canHash(caps.hash);
    // What proves nothing holds for that one resource only (§11).
    const key = provable ? `${caps.hash} ${caps.ver}` : null;
    const known = key === null ? undefined : this.#entries.get(key);
    if (known !== undefined) {
      this.retain(known);
      return known;
    }
    const { node, ver, hash } = caps;
    const entry: Known = {
      // Kept for long: not as slices of the presence.
      caps: {
        node: detachedCopy(node),
        ver: detachedCopy(ver),
        hash: hash === undefined ? undefined : detachedCopy(hash),
      },
      key,
      interests: undefined,
      users: 1,
      asking: null,
      failed: new Set(),
      unreached: new Set(),
      restUntil: 0,
      candidates: new Map(),
    };
    if (key !== null) {
      this.#entries.set(key, entry);
      this.#sweep();
    }
    return entry;
  }

  /** One more user of an entry that is held already. */
  retain(entry: CapsEntry): void {
    const known = entry as Known;
    known.users += 1;
    this.#unused.delete(known);
  }

  release(entry: CapsEntry): void {
    const known = entry as Known;
    known.users -= 1;
    if (known.users <= 0 && known.key !== null) this.#unused.add(known);
  }

  /**
   * The nodes that a resource wants events of; empty where it cannot be learned. `full` announces the entry; `account`
   * is one that it knows, if there is one in particular.
   */
  async interests(entry: CapsEntry, full: string, account?: string): Promise<ReadonlySet<string>> {
    const known = entry as Known;
    // It could not be reached before; this account can.
    if (account !== undefined && known.unreached.delete(full)) known.failed.delete(full);
    while (known.interests === undefined) {
      if (mayAsk(known, full)) {
        if (known.candidates.size < CANDIDATES) known.candidates.set(full, account);
      } else if (known.asking === null) break;
      known.asking ??= this.#learn(known).finally(() => {
        known.asking = null;
      });
      await known.asking;
      if (!this.#linked()) break;
      // Else all who were asked have failed, and this one may not have been among them: it has its turn.
    }
    return known.interests ?? NOTHING;
  }

  async #learn(entry: Known): Promise<void> {
    const { key, caps } = entry;
    if (key !== null) {
      const stored = await this.#store.get(key);
      if (stored !== undefined) {
        entry.interests = new Set(stored);
        return;
      }
    }
    for (let next = first(entry.candidates); next !== undefined; next = first(entry.candidates)) {
      const [full, account] = next;
      entry.candidates.delete(full);
      const query = await this.#info(full, `${caps.node}#${caps.ver}`, account);
      // That the link was lost says nothing of the client.
      if (query === undefined && !this.#linked()) return;
      entry.restUntil = performance.now() + REST_MILLISECONDS;
      entry.failed.add(full);
      if (query === 'unreachable') entry.unreached.add(full);
      if (query === undefined || query === 'unreachable') continue;
      const verdict = verifyCaps(caps, query);
      if (verdict === 'valid' || verdict === 'unverifiable') {
        entry.interests = interestsOf(query);
        entry.candidates.clear();
        entry.failed.clear();
        entry.unreached.clear();
        if (key !== null) this.#remember(key, entry.interests);
        return;
      }
      this.#log.debug(
        { code: 'pep.caps-refused', resource: full, verdict },
        'capabilities are not as announced',
      );
    }
  }

  /** Nobody waits for it: whoever is told of an event meanwhile would get the same item once more as the last one. */
  #remember(key: string, interests: ReadonlySet<string>): void {
    this.#store.put(key, [...interests]).catch((error: unknown) => {
      this.#log.warn(
        { code: 'pep.caps-not-stored', error },
        'capabilities are not remembered over a restart',
      );
    });
  }

  async #info(
    full: string,
    node: string,
    account: string | undefined,
  ): Promise<Element | 'unreachable' | undefined> {
    this.#queries.inc();
    try {
      return await this.#ask(full, node, account);
    } catch (error) {
      this.#log.debug(
        { code: 'pep.caps-unanswered', resource: full, error },
        'a client does not tell its capabilities',
      );
      return error instanceof Unreachable ? 'unreachable' : undefined;
    }
  }

  #sweep(): void {
    for (const entry of this.#unused) {
      if (this.#entries.size <= KEPT_ENTRIES) return;
      this.#unused.delete(entry);
      if (entry.key !== null) this.#entries.delete(entry.key);
    }
  }
}

/** One that nobody has tried to prove yet is asked whoever failed before: a stranger must not silence a popular client. */
function mayAsk({ failed, unreached, restUntil }: Known, full: string): boolean {
  if (restUntil < performance.now()) {
    failed.clear();
    unreached.clear();
  }
  if (failed.size >= UNPROVED || failed.has(full)) return false;
  const account = full.slice(0, full.indexOf('/') + 1);
  let own = 0;
  for (const one of failed) if (one.startsWith(account)) own++;
  return own < UNPROVED_OF_ACCOUNT;
}

function interestsOf(query: Element): ReadonlySet<string> {
  const interests = new Set<string>();
  for (const feature of parseInfo(query).features) {
    if (!feature.endsWith(SUFFIX) || feature.length > INTEREST_LENGTH || interests.size >= INTERESTS)
      continue;
    // Kept for long: not as a slice of the answer.
    interests.add(detachedCopy(feature.slice(0, -SUFFIX.length)));
  }
  return interests;
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
