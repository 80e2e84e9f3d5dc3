import { child, children, clone, type Element } from '../../shared/xml/element.js';
import { detachedCopy } from '../../shared/xml/names.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type Jid, parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { componentOrigin } from '../routing/origin.js';
import type { ComponentDomain } from './component-domain.js';
import type { ComponentRegistry } from './component-registry.js';
import type { ComponentStream } from './component-stream.js';
import { KeptLists, type Separate, type Separated } from './kept-lists.js';

/** Most addresses of one stanza. */
export const MULTICAST_ADDRESSES = 2000;

/** Of the lists met lately so much text is kept, with the addresses read from it. */
const KEPT_CHARACTERS = 2 * 1024 * 1024;

/**
 * Multicast for granted components (XEP-0033, every address `bcc` so that none is shown): one stanza over the link, one
 * for each addressee from here. `<addresses/>` is removed; bounces come from the addressee to the stanza's `from`.
 */
export function setUpMulticast(core: Core, registry: ComponentRegistry): void {
  const lists = new AddressLists();
  const separated: Separate = (stanza) => knownList(stanza, lists) ?? separate(stanza);
  const kept = new WeakMap<ComponentStream, KeptLists>();

  const keptOn = (stream: ComponentStream): KeptLists => {
    const known = kept.get(stream) ?? new KeptLists();
    kept.set(stream, known);
    return known;
  };
  const fanOut = (stanza: Stanza, domain: ComponentDomain, read: Separate): boolean => {
    const to = stanza.toJid;
    if (!to || !core.hosts(to.domain) || to.local !== '') return false;
    if (!domain.grants.multicast) {
      core.router.bounce(stanza, new StanzaError('forbidden'));
      return true;
    }
    const parts = read(stanza);
    if (parts instanceof StanzaError) {
      core.router.bounce(stanza, parts);
      return true;
    }
    for (const recipient of parts.recipients) {
      core.router.route(parts.single.addressedTo(recipient), componentOrigin);
    }
    return true;
  };

  registry.onStanza(NS.address, (stanza, domain) => fanOut(stanza, domain, separated));
  registry.onStanza(NS.addressLists, (stanza, domain, stream) =>
    fanOut(stanza, domain, (whole) => keptOn(stream).read(whole, separated)),
  );
}

/** Reads the addresses out of the stanza's tree; an error where it cannot be sent on. */
function separate(stanza: Stanza): Separated | StanzaError {
  const addresses = child(stanza.element, 'addresses', NS.address);
  const recipients = addresses === undefined ? new StanzaError('not-acceptable') : readList(addresses);
  if (recipients instanceof StanzaError) return recipients;
  const bare = clone(stanza.element);
  bare.children = bare.children.filter((node) => typeof node !== 'object' || node.getNS() !== NS.address);
  return { single: Stanza.fromElement(bare), recipients };
}

/** Who is addressed; whoever cannot be is left out. */
function readList(addresses: Element): readonly Jid[] | StanzaError {
  const list = children(addresses, 'address', NS.address);
  // XEP-0033 §9: more than the limit is not-acceptable
  if (list.length === 0 || list.length > MULTICAST_ADDRESSES) return new StanzaError('not-acceptable');
  if (list.some((address) => address.attrs['type'] !== 'bcc' || address.attrs['jid'] === undefined)) {
    return new StanzaError('bad-request', { text: 'only bcc addresses with a jid' });
  }
  const recipients: Jid[] = [];
  for (const address of list) {
    const recipient = parseJid(address.attrs['jid'] ?? '');
    if (recipient !== null) recipients.push(recipient);
  }
  return recipients;
}

const START = `<addresses xmlns='${NS.address}'>`;
const END = '</addresses>';

/**
 * A room sends to the same list until somebody comes or goes: read once, found again by its text. Null where the stanza
 * does not begin with a list as our own muc writes it, or says more in that namespace.
 */
function knownList(stanza: Stanza, lists: AddressLists): Separated | null {
  const text = stanza.leading(START, END);
  if (text === null) return null;
  const recipients = lists.find(text);
  if (recipients === null) return null;
  const single = stanza.withoutLeading(text.length);
  return single.mentions(NS.address) || single.mentions('&#') ? null : { single, recipients };
}

/** Lists of addresses by their text, in bounded memory. */
class AddressLists {
  #lists = new Map<string, readonly Jid[]>();
  #characters = 0;

  find(text: string): readonly Jid[] | null {
    const known = this.#lists.get(text);
    if (known !== undefined) return known;
    let recipients: readonly Jid[] | StanzaError;
    try {
      recipients = readList(Stanza.parse(text, NS.component).element);
    } catch {
      return null; // not one element: its end tag was that of something within
    }
    if (recipients instanceof StanzaError) return null;
    if (this.#characters > KEPT_CHARACTERS) {
      this.#lists = new Map();
      this.#characters = 0;
    }
    this.#lists.set(detachedCopy(text), recipients);
    this.#characters += text.length;
    return recipients;
  }
}
