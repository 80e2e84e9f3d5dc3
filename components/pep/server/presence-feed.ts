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

/** Takes the presence that the server tells (XEP-0356 §"Presence Permission"). */
export class PresenceFeed {
  readonly #options: PresenceFeedOptions;

  constructor(options: PresenceFeedOptions) {
    this.#options = options;
  }

  /** The link is lost, and with it what was known. */
  reset(): void {
    for (const entry of this.#options.presences.clear()) if (entry) this.#options.caps.release(entry);
  }

  receive(presence: Stanza): void {
    const from = presence.fromJid;
    if (!from) return;
    const { presences, caps } = this.#options;
    if (presence.type === 'unavailable' || presence.type === 'error') {
      for (const entry of presences.unavailable(from.bare, from.resource)) if (entry) caps.release(entry);
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
    // Only initial presence brings items (XEP-0163 §4.3.3, note). A server that repeats presence to a component that has
    // come back marks it as delayed: what was there when we left has had its items.
    const delay = delaysOf(presence.element).at(-1);
    const share = this.#options.share();
    // While others were there, they have done this.
    const missed = share.of === 1 && delay !== undefined && delay.stamp > this.#options.lastSeen();
    const initial = before === undefined && (delay === undefined || missed);
    this.#learn(from, entry, initial, share).catch(this.#options.failed);
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

  async #learn(from: Jid, entry: CapsEntry, initial: boolean, share: Share): Promise<void> {
    const { caps, presences, arrived } = this.#options;
    const interests = await caps.interests(entry, from.full);
    // It may have gone, or announce something else by now.
    if (initial && presences.caps(from.bare, from.resource) === entry) await arrived(from, interests, share);
  }
}
