import { domainToASCII } from 'node:url';
import { preparedDomain } from './idna.js';
import { opaqueString, usernameCaseMapped } from './precis.js';

declare const brand: unique symbol;
/** `local@domain` or `domain`, prepared: the form to key maps and stores by. */
export type BareJid = string & { readonly [brand]: 'bare' };
/** A prepared domainpart: U-labels, lower case, no final dot. */
export type Domain = string & { readonly [brand]: 'domain' };

/** A prepared address (RFC 7622): two are the same address exactly when their texts are. Immutable. */
export class Jid {
  /** `''` if none. */
  readonly local: string;
  readonly domain: Domain;
  /** `''` if none. */
  readonly resource: string;
  readonly bare: BareJid;
  /** The whole address: equal to `bare` where there is no resource. */
  readonly full: string;
  readonly #bareJid: Jid | null;

  /** For {@link parseJid} and the like: the parts must be prepared already. `bareJid` is this address without resource. */
  private constructor(local: string, domain: Domain, resource: string, bareJid: Jid | null) {
    this.local = local;
    this.domain = domain;
    this.resource = resource;
    this.bare =
      bareJid === null ? ((local === '' ? domain : `${local}@${domain}`) as string as BareJid) : bareJid.bare;
    this.full = resource === '' ? this.bare : `${this.bare}/${resource}`;
    this.#bareJid = bareJid;
  }

  /** From prepared parts; `''` for a part that is absent. */
  static fromPrepared(local: string, domain: Domain, resource = ''): Jid {
    const bare = new Jid(local, domain, '', null);
    return resource === '' ? bare : new Jid(local, domain, resource, bare);
  }

  get isBare(): boolean {
    return this.resource === '';
  }

  toBare(): Jid {
    return this.#bareJid ?? this;
  }

  /** This address with another resource, which must be prepared (`prepareResource`). */
  withResource(prepared: string): Jid {
    const bare = this.toBare();
    return prepared === '' ? bare : new Jid(this.local, this.domain, prepared, bare);
  }

  toString(): string {
    return this.full;
  }

  toJSON(): string {
    return this.full;
  }
}

/**
 * The prepared address, or null where the text is none (answer `jid-malformed`). Recent results are kept, so the same text
 * usually gives the same object.
 */
export function parseJid(text: string): Jid | null {
  const known = young.get(text);
  if (known !== undefined) return known;
  const parsed = old.get(text) ?? parse(text);
  if (parsed !== null && text.length <= cacheableLength) remember(text, parsed);
  return parsed;
}

/** The address in a constant or a setting. Throws TypeError where it is none. */
export function jid(text: string): Jid {
  const parsed = parseJid(text);
  if (parsed === null) throw new TypeError(`not a JID: ${JSON.stringify(text)}`);
  return parsed;
}

// Two generations: when the young one is full it becomes the old one, and what is still used moves up again. Long texts,
// which are not what clients use, are left out, so that the cache has a bound in bytes too (some tens of MiB at worst).
const generationSize = 8192;
const cacheableLength = 256;
let young = new Map<string, Jid>();
let old = new Map<string, Jid>();

function remember(text: string, parsed: Jid): void {
  if (young.size >= generationSize) {
    old = young;
    young = new Map();
  }
  // A canonical text is its own key; any other is copied, so that no key is a slice that keeps a whole stanza alive.
  young.set(text === parsed.full ? parsed.full : detached(text), parsed);
}

/** RFC 7622 §3.1, §3.2: first '/' then first '@' before it, both before any mapping. */
function parse(text: string): Jid | null {
  // 3071 octets are the most a prepared JID can have; mapping can shorten, but no honest text by more than this.
  if (text.length > 4 * 3071) return null;
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const at = address.indexOf('@');
  const domain = prepareDomain(address.slice(at + 1));
  if (domain === null) return null;
  const local = at === -1 ? '' : prepareLocalpart(address.slice(0, at));
  if (local === null) return null;
  const resource = slash === -1 ? '' : prepareResource(text.slice(slash + 1));
  return resource === null ? null : Jid.fromPrepared(local, domain, resource);
}

/** RFC 7622 §3.3: UsernameCaseMapped without the characters of §3.3.1, 1–1023 octets. Null where it is none. */
export function prepareLocalpart(text: string): string | null {
  if (/^[!#$%()*+,\-.0-9;=?[\\\]^_`a-z{|}~]+$/.test(text)) return text.length <= 1023 ? detached(text) : null;
  const prepared = usernameCaseMapped(text);
  return prepared === null || /["&'/:<>@]/.test(prepared) || !fits(prepared) ? null : prepared;
}

/** RFC 7622 §3.2: an FQDN, host name, IPv4 address or bracketed IPv6 address, 1–1023 octets. Null where it is none. */
export function prepareDomain(text: string): Domain | null {
  const known = domains.get(text);
  if (known !== undefined) return known;
  const prepared = preparedDomain(text);
  if (prepared === null || !fits(prepared)) return null;
  const domain = detached(prepared) as Domain;
  if (domains.size >= 1024) domains.clear();
  domains.set(text === prepared ? domain : detached(text), domain);
  return domain;
}
const domains = new Map<string, Domain>();

/** RFC 7622 §3.4: OpaqueString, 1–1023 octets; no leading space (§3.5, example 18). Null where it is none. */
export function prepareResource(text: string): string | null {
  if (/^[!-~][ -~]*$/.test(text)) return text.length <= 1023 ? detached(text) : null;
  const prepared = opaqueString(text);
  return prepared === null || prepared.startsWith(' ') || !fits(prepared) ? null : prepared;
}

/** The domain as the DNS, certificates and TLS name it: A-labels, and an IPv6 address without its brackets. */
export function domainToDns(domain: string): string {
  if (domain.startsWith('[')) return domain.slice(1, -1).replace('%25', '%');
  return /^[ -~]*$/.test(domain) ? domain : domainToASCII(domain);
}

function fits(part: string): boolean {
  return part !== '' && (part.length <= 341 || Buffer.byteLength(part) <= 1023);
}

/** A copy that shares no memory with the text it was cut from: V8's slices keep their parent, here a stanza, alive. */
function detached(text: string): string {
  return Buffer.from(text).toString();
}
