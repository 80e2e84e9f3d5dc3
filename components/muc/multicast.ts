import { NS } from '../../shared/xmpp/namespaces.js';
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
  server: string | null = null;
  readonly #blocks = new WeakMap<readonly string[], Map<number, Block>>();

  expand(broadcast: Broadcast, from: number): { text: string; taken: number } {
    const { text, to } = broadcast;
    if (this.server === null || to.length - from < WORTHWHILE)
      return { text: text.head + (to[from] ?? '') + text.tail, taken: 1 };
    const { block, taken } = this.#block(to, from);
    const { tail } = text;
    // `to` is the last attribute of every template: its quote and the start tag's end are what the tail begins with.
    const body = tail.startsWith("'/>")
      ? `'>${block}</${elementName(text.head)}>`
      : `'>${block}${tail.slice(2)}`;
    return { text: text.head + this.server + body, taken };
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

interface Block {
  readonly block: string;
  readonly taken: number;
}

function makeBlock(to: readonly string[], from: number): Block {
  let addresses = '';
  let taken = 0;
  while (taken < ADDRESSES && from + taken < to.length && addresses.length < CHARACTERS) {
    addresses += `<address type='bcc' jid='${to[from + taken] ?? ''}'/>`;
    taken++;
  }
  // Through a buffer: what was put together bit by bit would be flattened again with each message.
  const block = Buffer.from(`<addresses xmlns='${NS.address}'>${addresses}</addresses>`).toString();
  return { block, taken };
}

function elementName(head: string): string {
  return head.slice(1, head.indexOf(' '));
}
