import { NS } from '../../shared/xmpp/namespaces.js';
import { type Block, KeptLists } from './kept-lists.js';
import type { Template } from './wire.js';
import type { Broadcast } from './work.js';

/** `auto`: where the server's disco offers it to this component. */
export type MulticastMode = 'auto' | 'on' | 'off';

/** Fewer addressees than this are cheaper as stanzas of their own. */
const WORTHWHILE = 3;
/** What the server takes in one stanza (contract of the core's multicast service), and a bound on its bytes. */
const ADDRESSES = 2_000;
const CHARACTERS = 100_000;

/** One stanza for many by XEP-0033, each addressee as `bcc`, so that none is shown to another. */
export class Multicast {
  /** The server that fans out, or null while it does not offer to. */
  #server: string | null = null;
  /** What it keeps, where it offers that. */
  #lists: KeptLists | null = null;
  readonly #blocks = new WeakMap<readonly string[], Map<number, Block>>();

  /** A new stream: `server` fans out (null: it does not), and keeps lists of addresses or not. */
  offered(server: string | null, keepsLists: boolean): void {
    this.#server = server;
    this.#lists?.clear();
    this.#lists = keepsLists ? new KeptLists() : null;
  }

  /** The server has refused a stanza: what it keeps is not certain any more, and not named again on this stream. */
  distrustLists(): void {
    this.#lists?.clear();
    this.#lists = null;
  }

  /**
   * Hands the stanza for the addressees from that place on to the link: as many as one stanza can be for, or the next one.
   * Answers how many, 0 where the link does not take it now.
   */
  send({ text, to }: Broadcast, from: number, send: (text: string) => boolean): number {
    const server = this.#server;
    if (server === null || to.length - from < WORTHWHILE)
      return send(text.head + (to[from] ?? '') + text.tail) ? 1 : 0;
    const block = this.#block(to, from);
    const start = text.head + server;
    // what is too large for the link is dropped, and nobody told
    const small = start.length + block.text.length + text.tail.length <= CHARACTERS;
    const place = small && this.#lists !== null ? this.#lists.placeFor(block) : null;
    let first = block.text;
    if (block.list !== null) first = listElement('use', block.list);
    else if (place !== null) first = listElement('keep', place) + block.text;
    if (!send(start + content(text, first))) return 0;
    if (place !== null) this.#lists?.kept(block, place);
    return block.taken;
  }

  /** A room gives the same array until somebody comes or goes: its blocks are made once. */
  #block(to: readonly string[], from: number): Block {
    let blocks = this.#blocks.get(to);
    if (blocks === undefined) {
      blocks = new Map();
      this.#blocks.set(to, blocks);
    }
    let block = blocks.get(from);
    if (block === undefined) {
      block = makeBlock(to, from);
      blocks.set(from, block);
    }
    return block;
  }
}

/** What follows `to`, the last attribute of every template: its quote and the start tag's end are what the tail begins with. */
function content({ head, tail }: Template, first: string): string {
  return tail.startsWith("'/>") ? `'>${first}</${elementName(head)}>` : `'>${first}${tail.slice(2)}`;
}

function listElement(attribute: 'keep' | 'use', list: number): string {
  return `<list xmlns='${NS.addressLists}' ${attribute}='${list}'/>`;
}

function makeBlock(to: readonly string[], from: number): Block {
  let addresses = '';
  let taken = 0;
  while (taken < ADDRESSES && from + taken < to.length && addresses.length < CHARACTERS) {
    addresses += `<address type='bcc' jid='${to[from + taken] ?? ''}'/>`;
    taken++;
  }
  // Through a buffer: what was put together bit by bit would be flattened again with each message.
  const text = Buffer.from(`<addresses xmlns='${NS.address}'>${addresses}</addresses>`).toString();
  return { text, taken, list: null, uses: 0, lastUse: 0 };
}

function elementName(head: string): string {
  return head.slice(1, head.indexOf(' '));
}
