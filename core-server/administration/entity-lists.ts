import type { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';

interface EntityListsOptions {
  /** Hosted domains and those of components: a whitelist is about others. */
  readonly isOurs: (domain: string) => boolean;
}

/** With whom this server communicates at all (XEP-0133 §"Edit Blacklist", §"Edit Whitelist"), in both directions. */
export class EntityLists {
  readonly #options: EntityListsOptions;
  #black: ReadonlySet<string> = new Set();
  #white: ReadonlySet<string> = new Set();

  constructor(options: EntityListsOptions) {
    this.#options = options;
  }

  get black(): readonly string[] {
    return [...this.#black];
  }
  get white(): readonly string[] {
    return [...this.#white];
  }
  /** Without entries nothing needs to be asked. */
  get empty(): boolean {
    return this.#black.size === 0 && this.#white.size === 0;
  }

  set(kind: 'black' | 'white', jids: Iterable<string>): void {
    if (kind === 'black') this.#black = new Set(jids);
    else this.#white = new Set(jids);
  }

  blocks(stanza: Stanza): boolean {
    return this.#excludes(stanza.fromJid) || this.#excludes(stanza.toJid);
  }

  #excludes(jid: Jid | null | undefined): boolean {
    if (!jid) return false;
    if (matches(this.#black, jid)) return true;
    return this.#white.size > 0 && !this.#options.isOurs(jid.domain) && !matches(this.#white, jid);
  }
}

/** XEP-0016 §2.1: a full JID, a bare one, a domain with a resource, a domain. */
export function matches(list: ReadonlySet<string>, jid: Jid): boolean {
  if (list.size === 0) return false;
  return (
    list.has(jid.full) ||
    list.has(jid.bare) ||
    (jid.resource !== '' && list.has(`${jid.domain}/${jid.resource}`)) ||
    list.has(jid.domain)
  );
}
