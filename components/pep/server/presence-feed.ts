import type { Share } from '../../../shared/component/share.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { capsOf } from '../../../shared/xmpp/caps.js';
import { delaysOf } from '../../../shared/xmpp/datetime.js';
import type { Jid } from '../../../shared/xmpp/jid.js';
import type { CapsCache, CapsEntry } from './caps-cache.js';
import type { Presences } from './presences.js';

export interface PresenceFeedOptions {
  readonly presences: Presences;
  readonly caps: CapsCache;
  /** A resource has become available and its interests are known; what share of the owners was ours when it came. */
  readonly arrived: (resource: Jid, interests: ReadonlySet<string>, share: Share) => Promise<void>;
  /** Every process of the domain hears all presence: each sends the items of its own share of owners. */
  readonly share: () => Share;
  /** When the last link to the server ended (milliseconds since 1970): who was available before knows its items. */
  readonly lastSeen: () => number;
  readonly failed: (error: unknown) => void;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Takes the presence that the server tells (XEP-0356 §"Presence Permission"). */
export class PresenceFeed {
  readonly #options: PresenceFeedOptions;
  /** Full JIDs that have become available and whose interests are not known yet: they still await their items. */
  readonly #awaiting = new Set<string>();

  constructor(options: PresenceFeedOptions) {
    this.#options = options;
  }

  /** The link is lost, and with it what was known. */
  reset(): void {
    this.#awaiting.clear();
    for (const entry of this.#options.presences.clear()) if (entry) this.#options.caps.release(entry);
  }

  receive(presence: Stanza): void {
    const from = presence.fromJid;
    if (!from) return;
    const { presences, caps } = this.#options;
    if (presence.type === 'unavailable' || presence.type === 'error') {
      for (const [resource, entry] of presences.unavailable(from.bare, from.resource)) {
        this.#awaiting.delete(`${from.bare}/${resource}`);
        if (entry) caps.release(entry);
      }
      return;
    }
    if (presence.type !== undefined || from.resource === '') return;
    const announced = capsOf(presence.element);
    const entry = announced === null ? null : this.#hold(from, announced);
    const before = presences.available(from.bare, from.resource, entry);
    if (before === false) {
      if (entry !== null) caps.release(entry);
      return;
    }
    if (before) caps.release(before);
    if (entry === null) return;
    // Initial presence brings items (XEP-0163 §4.3.2). A server that repeats presence to a component that has come back
    // marks it as delayed: what was there when we left has had its items.
    const delay = delaysOf(presence.element).at(-1);
    const share = this.#options.share();
    // While others were there, they have done this.
    const missed = share.of === 1 && delay !== undefined && delay.stamp > this.#options.lastSeen();
    if (before === undefined && (delay === undefined || missed)) this.#awaiting.add(from.full);
    const had = before === entry || before === undefined ? null : (before?.interests ?? NOTHING);
    this.#learn(from, entry, had, share).catch(this.#options.failed);
  }

  /** The same legacy entry while a resource goes on announcing the same, so that it is asked once. */
  #hold(from: Jid, announced: CapsEntry['caps']): CapsEntry {
    const held = this.#options.presences.caps(from.bare, from.resource);
    const same =
      held &&
      held.caps.ver === announced.ver &&
      held.caps.node === announced.node &&
      held.caps.hash === announced.hash;
    if (!same) return this.#options.caps.hold(announced);
    this.#options.caps.retain(held);
    return held;
  }

  /** `had`: the interests that it announced before, null where this presence brings no other ones. */
  async #learn(from: Jid, entry: CapsEntry, had: ReadonlySet<string> | null, share: Share): Promise<void> {
    const { caps, presences, arrived } = this.#options;
    const interests = await caps.interests(entry, from.full);
    // It may have gone, or announce something else by now.
    if (presences.caps(from.bare, from.resource) !== entry) return;
    if (this.#awaiting.delete(from.full)) return await arrived(from, interests, share);
    if (had === null) return;
    // An interest that is new is a new temporary subscription and has its last item, once; presence that repeats an
    // interest brings nothing (XEP-0060 §12.1, 3; XEP-0163 §4.3.2, note).
    const gained = new Set([...interests].filter((node) => !had.has(node)));
    if (gained.size > 0) await arrived(from, gained, share);
  }
}
