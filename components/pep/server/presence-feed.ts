import { type Share, shareOf } from '../../../shared/component/share.js';
import type { Stanza } from '../../../shared/xml/stanza.js';
import { capsOf } from '../../../shared/xmpp/caps.js';
import { delaysOf } from '../../../shared/xmpp/datetime.js';
import type { Jid } from '../../../shared/xmpp/jid.js';
import type { CapsCache, CapsEntry } from './caps-cache.js';
import type { Presences } from './presences.js';

interface PresenceFeedOptions {
  readonly presences: Presences;
  readonly caps: CapsCache;
  /** A resource has become available and its interests are known; which owners' items it is to have from us. */
  readonly arrived: (resource: Jid, interests: ReadonlySet<string>, owners: Owners) => Promise<void>;
  /** Every process of the domain hears all presence: each sends the items of its own share of owners. */
  readonly share: () => Share;
  /** Who had become available before that (milliseconds since 1970) has had its items: see {@link PresenceFeed.servedUntil}. */
  readonly lastSeen: () => number;
  readonly failed: (error: unknown) => void;
}

/** Some of the accounts: those whose items are sent by this process, say. */
export interface Owners {
  mine(owner: string): boolean;
}

const NOTHING: ReadonlySet<string> = new Set();
/** What the server has told us it may have stamped so much earlier. */
const UNDER_WAY_MILLISECONDS = 2_000;
/** As long as it may take until the server notices that a process is gone (`COMPONENT_KEEPALIVE_SECONDS`, and its patience). */
const RECENT_MILLISECONDS = 90_000;

/** Takes the presence that the server tells (XEP-0356 §"Presence Permission"). */
export class PresenceFeed {
  readonly #options: PresenceFeedOptions;
  /** Full JIDs that have become available and whose interests are not known yet: they still await their items. */
  readonly #awaiting = new Set<string>();
  /** Full JIDs that have not been sent all their items, and since when (milliseconds since 1970). */
  readonly #unfinished = new Map<string, number>();
  /** Those that were unfinished when the link was lost. */
  #owed: ReadonlySet<string> = new Set();
  /** When presence that is not repeated came last, or the link was up: the server repeats who came before that. */
  #heard = 0;
  /** Resources that have come lately, oldest first. */
  readonly #recent = new Map<string, { readonly jid: Jid; readonly at: number }>();
  /** Of this link: who was sent to what is repeated at its beginning. */
  #initial: Share | null = null;
  readonly #arrivals = new Set<Promise<void>>();

  constructor(options: PresenceFeedOptions) {
    this.#options = options;
  }

  /** Whoever had come by then (milliseconds since 1970) has its items; 0: there has been no link. */
  get servedUntil(): number {
    const [oldest] = this.#unfinished.values();
    return oldest === undefined ? this.#heard : oldest - UNDER_WAY_MILLISECONDS;
  }

  /** The link is up. */
  linked(): void {
    this.#heard = Date.now();
  }

  /** Resolves when those who have come by now have their items. */
  async idle(): Promise<void> {
    await Promise.all(this.#arrivals);
  }

  /** The server has said what is ours now; the first time on a link that decides about what it repeats. */
  shareChanged(): void {
    this.#initial ??= this.#options.share();
  }

  /**
   * A process was lost that had this place among those of `before`. Who came lately may not have been sent the items of
   * its owners: they are sent (again, to some) by those whose owners they are now.
   */
  inherit(before: Share, place: number): void {
    const { presences, share } = this.#options;
    const now = share();
    const owners = { mine: (owner: string) => shareOf(owner, before.of) === place && now.mine(owner) };
    this.#forgetOld();
    for (const { jid } of this.#recent.values()) {
      const entry = presences.caps(jid.bare, jid.resource);
      if (entry) this.#track(this.#send(jid, entry, owners));
    }
  }

  async #send(jid: Jid, entry: CapsEntry, owners: Owners): Promise<void> {
    const interests = await this.#options.caps.interests(entry, jid.full);
    await this.#options.arrived(jid, interests, owners);
  }

  #forgetOld(): void {
    const old = Date.now() - RECENT_MILLISECONDS;
    for (const [full, { at }] of this.#recent) {
      if (at > old) return;
      this.#recent.delete(full);
    }
  }

  #track(work: Promise<void>): void {
    const arrival = work.catch(this.#options.failed).then(() => void this.#arrivals.delete(arrival));
    this.#arrivals.add(arrival);
  }

  /** The link is lost, and with it what was known. */
  reset(): void {
    this.#owed = new Set(this.#unfinished.keys());
    this.#unfinished.clear();
    this.#recent.clear();
    this.#initial = null;
    this.#awaiting.clear();
    for (const entry of this.#options.presences.clear()) if (entry) this.#options.caps.release(entry);
  }

  receive(presence: Stanza): void {
    const from = presence.fromJid;
    if (!from) return;
    const { presences, caps, lastSeen } = this.#options;
    if (presence.type === 'unavailable' || presence.type === 'error') {
      for (const [resource, entry] of presences.unavailable(from.bare, from.resource)) {
        const full = `${from.bare}/${resource}`;
        this.#awaiting.delete(full);
        this.#unfinished.delete(full);
        this.#recent.delete(full);
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
    if (entry === null) {
      this.#unfinished.delete(from.full);
      return;
    }
    // Initial presence brings items (XEP-0163 §4.3.2). A server that repeats presence to a component that has come back
    // marks it as delayed: what was there when we left has had its items.
    const delay = delaysOf(presence.element).at(-1);
    const isNew = delay === undefined;
    const share = isNew ? this.#options.share() : (this.#initial ?? this.#options.share());
    if (isNew) this.#heard = Date.now();
    // While others were there, they have done this.
    const missed = share.of === 1 && (this.#owed.has(from.full) || (delay?.stamp ?? 0) > lastSeen());
    if (before === undefined && (isNew || missed)) {
      this.#awaiting.add(from.full);
      this.#unfinished.set(from.full, Date.now());
      if (isNew) this.#noteRecent(from);
    }
    const had = before === entry || before === undefined ? null : (before?.interests ?? NOTHING);
    this.#track(this.#learn(from, entry, had, share));
  }

  #noteRecent(jid: Jid): void {
    this.#forgetOld();
    this.#recent.delete(jid.full);
    if (this.#options.share().possible) this.#recent.set(jid.full, { jid, at: Date.now() });
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
    if (this.#awaiting.delete(from.full)) {
      await arrived(from, interests, share).finally(() => {
        if (!this.#awaiting.has(from.full)) this.#unfinished.delete(from.full);
      });
      return;
    }
    if (had === null) return;
    // An interest that is new is a new temporary subscription and has its last item, once; presence that repeats an
    // interest brings nothing (XEP-0060 §12.2, 3; XEP-0163 §4.3.2, note).
    const gained = new Set([...interests].filter((node) => !had.has(node)));
    if (gained.size > 0) await arrived(from, gained, share);
  }
}
