import type { CapsEntry } from './caps-cache.js';

/** Available resources that are kept; beyond it further ones are not notified. */
const KEPT_RESOURCES = 400_000;
/** Of one account. */
const RESOURCES_PER_ACCOUNT = 100;

/** Who is available with which capabilities, as the server tells (XEP-0356 presence). */
export class Presences {
  readonly #accounts = new Map<string, Map<string, CapsEntry | null>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Resource → capabilities (null where it announces none) of a bare JID's available resources. */
  of(bare: string): ReadonlyMap<string, CapsEntry | null> | undefined {
    return this.#accounts.get(bare);
  }

  caps(bare: string, resource: string): CapsEntry | null | undefined {
    return this.#accounts.get(bare)?.get(resource);
  }

  /** Notes an available resource. Returns what it had before, undefined if it was not available, false for no room. */
  available(bare: string, resource: string, caps: CapsEntry | null): CapsEntry | null | undefined | false {
    let resources = this.#accounts.get(bare);
    const before = resources?.get(resource);
    if (before === undefined) {
      if (this.#size >= KEPT_RESOURCES || (resources?.size ?? 0) >= RESOURCES_PER_ACCOUNT) return false;
      this.#size += 1;
    }
    if (resources === undefined) {
      resources = new Map();
      this.#accounts.set(bare, resources);
    }
    resources.set(resource, caps);
    return before;
  }

  /** Forgets a resource, or all of them where none is named. Returns them with their capabilities. */
  unavailable(bare: string, resource: string): [resource: string, caps: CapsEntry | null][] {
    const resources = this.#accounts.get(bare);
    if (resources === undefined) return [];
    const gone = resource === '' ? [...resources.keys()] : [resource].filter((name) => resources.has(name));
    const caps = gone.map((name): [string, CapsEntry | null] => [name, resources.get(name) ?? null]);
    for (const name of gone) resources.delete(name);
    this.#size -= gone.length;
    if (resources.size === 0) this.#accounts.delete(bare);
    return caps;
  }

  /** Forgets everyone. Returns their capabilities. */
  clear(): (CapsEntry | null)[] {
    const caps = [...this.#accounts.values()].flatMap((resources) => [...resources.values()]);
    this.#accounts.clear();
    this.#size = 0;
    return caps;
  }
}
