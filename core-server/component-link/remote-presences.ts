import type { Stanza } from '../../shared/xml/stanza.js';
import type { BareJid, Jid } from '../../shared/xmpp/jid.js';

/** A presence stanza and when it came, in milliseconds since 1970. */
interface Heard {
  readonly presence: Stanza;
  readonly time: number;
  /** Characters of it. */
  readonly size: number;
}

/** What is kept of the contacts at other servers together, and of one of them: whoever sends it decides how much comes. */
interface RemotePresenceLimits {
  readonly resources: number;
  readonly resourcesOfOne: number;
  /** Characters of wire text, of all and of one presence. */
  readonly size: number;
  readonly sizeOfOne: number;
}

const LIMITS: RemotePresenceLimits = {
  resources: 200_000,
  resourcesOfOne: 100,
  size: 128 * 1024 * 1024,
  sizeOfOne: 16 * 1024,
};

/** The last available presence of contacts at other servers, for components that connect later. */
export class RemotePresences {
  readonly #limits: RemotePresenceLimits;
  /** Contact → resource → presence, without `to`. */
  readonly #contacts = new Map<BareJid, Map<string, Heard>>();
  /** Their contacts by domain: another server may lose hundreds of domains with one stream. */
  readonly #domains = new Map<string, Set<BareJid>>();
  #resources = 0;
  #size = 0;

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  /** False for one that is known already: the same broadcast reaches several of our accounts. */
  available(presence: Stanza, from: Jid): boolean {
    const heard = presence.readdress({ to: '' });
    const known = this.#contacts.get(from.bare);
    if (known?.get(from.resource)?.presence.text === heard.text) return false;
    // what it says now is true, what it said before is not, kept or not
    this.#remove(from, known);
    const { resources, resourcesOfOne, size, sizeOfOne } = this.#limits;
    const { length } = heard.text;
    const kept =
      length <= sizeOfOne &&
      this.#size + length <= size &&
      this.#resources < resources &&
      (known?.size ?? 0) < resourcesOfOne;
    if (!kept) return true;
    const contact = this.#contacts.get(from.bare) ?? new Map<string, Heard>();
    if (contact.size === 0) this.#add(from, contact);
    contact.set(from.resource, { presence: heard.detached(), time: Date.now(), size: length });
    this.#resources++;
    this.#size += length;
    return true;
  }

  /** Of a resource, or (from a bare JID) of all of them. */
  unavailable(from: Jid): void {
    const known = this.#contacts.get(from.bare);
    if (from.resource === '') this.#forget(from.bare, known);
    else this.#remove(from, known);
  }

  /** Forgets what came over a lost server-to-server stream. */
  forgetDomain(remote: string): void {
    for (const bare of this.#domains.get(remote) ?? []) this.#forget(bare, this.#contacts.get(bare));
  }

  *[Symbol.iterator](): Generator<Heard> {
    for (const resources of this.#contacts.values()) yield* resources.values();
  }

  #forget(bare: BareJid, resources: ReadonlyMap<string, Heard> | undefined): void {
    for (const { size } of resources?.values() ?? []) {
      this.#resources--;
      this.#size -= size;
    }
    this.#delete(bare);
  }

  #add({ bare, domain }: Jid, contact: Map<string, Heard>): void {
    this.#contacts.set(bare, contact);
    const ofDomain = this.#domains.get(domain);
    if (ofDomain === undefined) this.#domains.set(domain, new Set([bare]));
    else ofDomain.add(bare);
  }

  #delete(bare: BareJid): void {
    this.#contacts.delete(bare);
    const domain = bare.slice(bare.indexOf('@') + 1);
    const ofDomain = this.#domains.get(domain);
    if (ofDomain?.delete(bare) && ofDomain.size === 0) this.#domains.delete(domain);
  }

  #remove({ bare, resource }: Jid, known: Map<string, Heard> | undefined): void {
    const heard = known?.get(resource);
    if (known === undefined || heard === undefined) return;
    known.delete(resource);
    this.#resources--;
    this.#size -= heard.size;
    if (known.size === 0) this.#delete(bare);
  }
}
