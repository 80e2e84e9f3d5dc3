import type { Storage } from '../storage/storage.js';
import type { Element } from '../xml/element.js';
import type { BareJid } from '../xmpp/jid.js';

/** One kind of an account's data in the portable format (XEP-0227): children of `<user/>`. */
export interface PortablePart {
  /** `roster`, `vcard`: for reports. */
  readonly name: string;
  /** Those who may have some. */
  owners(): AsyncIterable<string>;
  export(account: BareJid): Promise<Element[]>;
  /** Stores an element that is this part's and says so; resolves with false for all others. */
  import(account: BareJid, element: Element): Promise<boolean>;
}

/** What a process's `portable.js` exports. */
export interface PortableModule {
  portableParts(storage: Storage): readonly PortablePart[];
}

/** What the core's `portable.js` exports besides. */
export interface PortableAccountsModule extends PortableModule {
  openPortableAccounts(storage: Storage, environment: NodeJS.ProcessEnv): Promise<PortableAccounts>;
}

export interface PortableAccounts {
  /** The domains that may have accounts here. */
  readonly domains: readonly string[];
  list(): AsyncIterable<{ account: BareJid; disabled: boolean }>;
  /** `<scram-credentials/>` of an account; with `twice`, their values encoded once more, as ejabberd reads them. */
  credentials(account: BareJid, twice: boolean): Promise<Element[]>;
  exists(account: BareJid): Promise<boolean>;
  /** Makes an account as a `<user/>` describes it; false where its password or verifiers are none that we can use. */
  create(account: BareJid, user: Element): Promise<boolean>;
}

/** Namespaces of the format. */
export const PIE = 'urn:xmpp:pie:0';
export const PIE_SCRAM = 'urn:xmpp:pie:0#scram';
export const XINCLUDE = 'http://www.w3.org/2001/XInclude';
