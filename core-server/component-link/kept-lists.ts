import { ADDRESSES_KEPT, LISTS_KEPT } from '../../shared/component/address-lists.js';
import { child, children, clone, type Element } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

/** A stanza without its addresses, and these. */
export interface Separated {
  readonly single: Stanza;
  readonly recipients: readonly Jid[];
}

/** Reads a stanza that begins with its addresses. */
export type Separate = (stanza: Stanza) => Separated | StanzaError;

/** As our own muc writes it. */
const USE = `<list xmlns='${NS.addressLists}' use='`;
const END = "'/>";

/** The lists of addresses of one component's stream, which it names by numbers (docs/protocols/address-lists.md). */
export class KeptLists {
  readonly #lists: (readonly Jid[] | undefined)[] = [];
  #addresses = 0;

  /** To whom a stanza is to go that begins with a `<list/>`; one to be kept is. */
  read(stanza: Stanza, separate: Separate): Separated | StanzaError {
    return this.#plainUse(stanza) ?? this.#inTree(stanza, separate);
  }

  /** Null where it is not written so plainly that no tree is needed to be sure what it says. */
  #plainUse(stanza: Stanza): Separated | StanzaError | null {
    const text = stanza.leading(USE, END);
    if (text === null) return null;
    const place = placeIn(text.slice(USE.length, -END.length));
    const single = stanza.withoutLeading(text.length);
    const plain = !single.mentions(NS.addressLists) && !single.mentions(NS.address) && !single.mentions('&#');
    return plain && place !== null ? this.#found(place, single) : null;
  }

  #inTree(stanza: Stanza, separate: Separate): Separated | StanzaError {
    const list = child(stanza.element, 'list', NS.addressLists);
    if (list === undefined || children(stanza.element, 'list', NS.addressLists).length > 1)
      return new StanzaError('bad-request');
    const { keep, use } = list.attrs;
    const place = placeIn(keep ?? use ?? '');
    if (place === null || (keep !== undefined && use !== undefined)) return new StanzaError('bad-request');
    const rest = without(stanza.element, list);
    if (keep === undefined) {
      if (child(rest.element, 'addresses', NS.address) !== undefined) return new StanzaError('bad-request');
      return this.#found(place, rest);
    }
    const parts = separate(rest);
    if (parts instanceof StanzaError) return parts;
    return this.#keep(place, parts.recipients) ? parts : new StanzaError('resource-constraint');
  }

  #found(place: number, single: Stanza): Separated | StanzaError {
    const recipients = this.#lists[place];
    return recipients === undefined ? new StanzaError('item-not-found') : { single, recipients };
  }

  #keep(place: number, recipients: readonly Jid[]): boolean {
    const addresses = this.#addresses - (this.#lists[place]?.length ?? 0) + recipients.length;
    if (addresses > ADDRESSES_KEPT) return false;
    this.#addresses = addresses;
    this.#lists[place] = recipients;
    return true;
  }
}

function placeIn(text: string): number | null {
  return /^\d{1,4}$/.test(text) && Number(text) < LISTS_KEPT ? Number(text) : null;
}

function without(element: Element, list: Element): Stanza {
  const place = element.children.indexOf(list);
  const rest = clone(element);
  rest.children.splice(place, 1);
  return Stanza.fromElement(rest);
}
