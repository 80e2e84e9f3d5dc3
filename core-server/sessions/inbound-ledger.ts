import { createHash } from 'node:crypto';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';

/** Of so many stanzas beyond `h` it is known what they were. */
const REMEMBERED = 10_000;
/** So many others may come between those that are sent again. */
const BETWEEN = 16;

/** The stanza that is being handled, and whose it is: one for all ledgers, so that no idle session keeps its last one alive. */
let inHand: Stanza | null = null;
let inHandOf: InboundLedger | null = null;

interface Hold {
  readonly upTo: number;
  released: boolean;
}

/**
 * Counts what the client sent and how much of it is handled: XEP-0198's `h` passes a stanza only when that stanza is
 * durable or in its destination's queue, and all before it are.
 */
export class InboundLedger {
  /** Stanzas received from the client since the ledger was started, those that were sent again once. */
  received = 0;
  /** Called when `handled` grew after it had been held. */
  onProgress: (() => void) | null = null;
  #held: Hold[] = [];
  #started = false;
  /** What was received beyond `handled`, in order, from the one with this number on. */
  #open: string[] = [];
  #openFrom = 1;
  /** How often each of them may come again since the session was resumed, and how many stanzas are looked at for that. */
  #again: Map<string, number> | null = null;
  #looks = 0;

  /** Counts anew (XEP-0198 §4: zero with `<enable/>`); what is held from before is no part of the new count. */
  restart(): void {
    this.received = 0;
    this.#held = [];
    this.#open = [];
    this.#again = null;
    this.#started = true;
  }

  /** How many of the received stanzas are handled, without a gap. */
  get handled(): number {
    const first = this.#held[0];
    return first === undefined ? this.received : first.upTo - 1;
  }

  /** Counts a stanza. False for one that has been received already and is not to be handled twice. */
  receive(stanza: Stanza): boolean {
    if (this.#again !== null && this.#isRepeated(stanza, this.#again)) return false;
    this.received++;
    inHand = stanza;
    inHandOf = this;
    if (this.#held.length > 0) this.#remember(stanza);
    return true;
  }

  /**
   * The session is resumed, and the client is told `handled`. It sends again what came beyond that (XEP-0198 §5), which is
   * here, though not durable yet.
   */
  resumed(): void {
    this.#again = null;
    if (this.#open.length === 0) return;
    this.#again = new Map();
    for (const mark of this.#open) this.#again.set(mark, (this.#again.get(mark) ?? 0) + 1);
    this.#looks = this.#open.length + BETWEEN;
  }

  /** Holds back the stanza in hand (the last received) until the returned function is called. */
  hold(): () => void {
    const entry = { upTo: this.received, released: false };
    if (this.#held.length === 0) {
      this.#open = [];
      this.#openFrom = this.received;
      if (inHand !== null && inHandOf === this) this.#remember(inHand);
    }
    this.#held.push(entry);
    return () => {
      if (entry.released) return;
      entry.released = true;
      let moved = false;
      while (this.#held[0]?.released === true) {
        this.#held.shift();
        moved = true;
      }
      if (!moved) return;
      this.#forget();
      this.onProgress?.();
    };
  }

  #remember(stanza: Stanza): void {
    // without a gap, or it would not be known which of them go when `handled` grows
    const follows = this.#openFrom + this.#open.length === this.received;
    if (this.#started && follows && this.#open.length < REMEMBERED) this.#open.push(markOf(stanza));
  }

  #forget(): void {
    const handled = this.handled;
    this.#open.splice(0, handled + 1 - this.#openFrom);
    this.#openFrom = handled + 1;
  }

  #isRepeated(stanza: Stanza, again: Map<string, number>): boolean {
    const mark = markOf(stanza);
    const left = again.get(mark) ?? 0;
    if (left > 1) again.set(mark, left - 1);
    else again.delete(mark);
    this.#looks--;
    if (again.size === 0 || this.#looks === 0) this.#again = null;
    return left > 0;
  }
}

/** A delay that a client adds to what it sends again (XEP-0203). */
const DELAY = /<delay\s[^<>]*(?:\/>|>[^<]*<\/delay>)/g;

/**
 * What a stanza is known by when it is sent again: its kind, address, id and content, but for a delay; as a hash, for
 * many may be remembered that are large.
 */
function markOf(stanza: Stanza): string {
  const { name, type, to, id, source } = stanza;
  const content = source.slice(source.indexOf('>') + 1);
  return createHash('sha256')
    .update(JSON.stringify([name, type, to, id]))
    .update(stanza.mentions(NS.delay) ? content.replace(DELAY, '') : content)
    .digest('base64');
}
