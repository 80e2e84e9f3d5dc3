import { createHmac, randomUUID } from 'node:crypto';
import type { Component } from '../../shared/component/component.js';
import { stanzaErrorOf } from '../../shared/entity/failure.js';
import type { Logger } from '../../shared/observability/types.js';
import type { Storage } from '../../shared/storage/storage.js';
import { isBadDocument } from '../../shared/storage/walk.js';
import { escapeAttribute } from '../../shared/xml/escape.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Muc, MucCounters, MucPolicy } from './context.js';
import { Creators } from './creators.js';
import { Delivery } from './delivery.js';
import { closeRoom, destroy } from './destroy.js';
import { Ghosts } from './ghosts.js';
import { cutHistory } from './history.js';
import { errorText, Inbound } from './inbound.js';
import { Journal } from './journal.js';
import { Multicast, type MulticastMode } from './multicast.js';
import { AccountPace } from './pace.js';
import { PendingTable } from './pending.js';
import { PublicLog } from './public-log.js';
import { RoomDirectory } from './rooms/directory.js';
import { RoomRegistry } from './rooms/registry.js';
import type { Room } from './rooms/room.js';
import { RoomStore } from './rooms/store.js';
import { type Outgoing, Work, type Write } from './work.js';

const PENDING = 50_000;
const BARRIER_MILLISECONDS = 60_000;
const TICK_MILLISECONDS = 30_000;
/** A room that nobody is in is kept in memory that long. */
const IDLE_MILLISECONDS = 120_000;
/** §14.6: a room left unconfigured ends. */
const UNCONFIGURED_MILLISECONDS = 3_600_000;
/** Stanzas that may wait for the link. */
const BACKLOG = 200_000;

interface MucOptions {
  readonly component: Component;
  readonly storage: Storage;
  readonly log: Logger;
  readonly policy: MucPolicy;
  readonly counters: MucCounters;
  /** Folder of public logs, or null. */
  readonly logFolder: string | null;
  readonly multicast: MulticastMode;
  /** Another process serves these rooms now: this one must not any more. */
  readonly superseded: () => void;
  /** Default: the clock. For tests. */
  readonly now?: () => number;
}

/** The rooms of one service and everything that happens to them. */
export class MucService implements Muc {
  readonly policy: MucPolicy;
  readonly jid: Jid;
  readonly log: Logger;
  readonly rooms: RoomRegistry;
  readonly store: RoomStore;
  readonly delivery: Delivery;
  readonly pending = new PendingTable(PENDING);
  readonly remembered = new PendingTable(PENDING);
  readonly own = new PendingTable(PENDING);
  readonly pace = new AccountPace();
  readonly counters: MucCounters;
  readonly publicLog: PublicLog | null;
  readonly admins: ReadonlySet<string>;
  readonly directory: RoomDirectory;
  readonly inbound: Inbound;
  readonly #component: Component;
  readonly #journal: Journal;
  readonly #multicast = new Multicast();
  readonly #multicastMode: MulticastMode;
  readonly #superseded: () => void;
  readonly #creators: Creators;
  readonly #ghosts: Ghosts;
  readonly #now: () => number;
  readonly #ticks: () => number;
  readonly #secret: Buffer;
  #timer: NodeJS.Timeout | null = null;
  /** The link is up, and what was unfinished is ahead of everything new. */
  #up = false;

  private constructor(options: MucOptions, store: RoomStore, secret: Buffer) {
    const { component, policy, log } = options;
    this.policy = policy;
    this.jid = component.jid;
    this.log = log;
    this.admins = policy.admins;
    this.counters = options.counters;
    this.publicLog = options.logFolder === null ? null : new PublicLog(options.logFolder, log);
    this.store = store;
    this.#component = component;
    this.#multicastMode = options.multicast;
    this.#superseded = options.superseded;
    this.#now = options.now ?? Date.now;
    this.#ticks = options.now ?? (() => performance.now());
    this.#secret = secret;
    this.directory = new RoomDirectory(store, component.domain, (local, error) =>
      this.#unreadable(local, error),
    );
    this.#creators = new Creators(store.creators, policy, log);
    this.#ghosts = new Ghosts(this);
    this.inbound = new Inbound(this, this.#creators, this.#ghosts);
    this.rooms = new RoomRegistry({
      load: async (jid) => {
        const room = await store.load(jid, policy.history, (of, bare) => this.occupantId(of, bare));
        if (room !== null) {
          cutHistory(room, policy.history, policy.historyBytes);
          room.lastUsed = this.ticks();
        }
        return room;
      },
      exists: (local) => {
        const found = store.rooms.getSync(local);
        return found === 'async' ? 'async' : found !== undefined;
      },
      jidOf: (local) => Jid.fromPrepared(local, component.jid.domain),
    });
    this.#journal = new Journal({
      store,
      log,
      keep: policy.history,
      submit: (work, front) => this.delivery.submit(work, front),
      barrier: (passed) => this.#barrier(passed),
      room: (local) => this.rooms.find(local),
    });
    const send = (text: string) => this.#up && component.send(text);
    this.delivery = new Delivery({
      log,
      send,
      connected: () => this.#up,
      drained: () => component.drained(),
      commit: (batch) => this.#commit(batch),
      failed: (work, reason) => this.#failed(work, reason),
      broadcast: (outgoing, from) => this.#multicast.send(outgoing, from, send),
      backlog: BACKLOG,
    });
  }

  static async open(options: MucOptions): Promise<MucService> {
    const store = new RoomStore(options.storage, options.component.domain, options.policy.admins);
    await store.takeOver();
    const service = new MucService(options, store, await store.occupantIdSecret());
    await service.#recover();
    return service;
  }

  now(): number {
    return this.#now();
  }

  ticks(): number {
    return this.#ticks();
  }

  newId(): string {
    return randomUUID();
  }

  /** XEP-0421 §4.1, second way: one secret, and the room in what is hashed. */
  occupantId(room: Room, bare: string): string {
    return createHmac('sha256', this.#secret).update(`${room.jid.bare}\0${bare}`).digest('hex');
  }

  /** Begins to listen to the component; call before it starts. */
  attach(): void {
    const component = this.#component;
    component.onMessage((stanza) => this.inbound.message(stanza));
    component.onPresence((stanza) => this.inbound.presence(stanza));
    component.onOtherIq((stanza) => this.inbound.iq(stanza));
    component.onUp(() => this.#linkUp());
    component.onDown(() => this.#linkLost());
    this.#timer = setInterval(() => {
      this.tick();
      void this.checkOwner();
    }, TICK_MILLISECONDS);
    this.#timer.unref();
  }

  #linkUp(): void {
    const { coreDomain } = this.policy;
    const { features } = this.#component.server;
    const mode = this.#multicastMode;
    const multicast = mode === 'on' || (mode === 'auto' && features.has(NS.address));
    this.#multicast.offered(multicast ? escapeAttribute(coreDomain) : null, features.has(NS.addressLists));
    this.#resume().catch((error: unknown) =>
      this.log.error({ code: 'muc.resume-failed', error }, 'occupants could not be looked after'),
    );
  }

  /**
   * What the last process did not finish. Before anything can come: what this one is given to do would be taken for it, and
   * be sent twice.
   */
  async #recover(): Promise<void> {
    await this.#journal
      .recover()
      .catch((error: unknown) =>
        this.log.error({ code: 'muc.recovery-failed', error }, 'unfinished messages could not be read'),
      );
  }

  /** After a start and after each loss of the link: unfinished messages, then whoever may have gone meanwhile. */
  async #resume(): Promise<void> {
    const since = this.ticks();
    if (!this.#component.server.connected) return;
    this.#journal.linkUp();
    this.#up = true;
    this.delivery.linkUp();
    this.#ghosts.linkUp();
    for await (const room of this.#occupied())
      for (const session of room.sessions.values()) this.#ghosts.check(room, session, since);
  }

  /** The rooms that somebody is in. One that cannot be read costs the others nothing. */
  async *#occupied(): AsyncGenerator<Room> {
    for await (const local of this.store.occupied()) {
      try {
        const room = await this.rooms.find(local);
        if (room !== null && !room.destroyed) yield room;
      } catch (error) {
        if (!isBadDocument(error)) throw error;
        this.#unreadable(local, error);
      }
    }
  }

  #unreadable(local: string, error: unknown): void {
    this.log.error({ code: 'muc.room-unreadable', room: local, error }, 'a room could not be read');
  }

  #linkLost(): void {
    this.#up = false;
    this.#journal.linkLost();
    this.delivery.linkLost();
    this.#ghosts.linkLost();
  }

  #commit(batch: readonly Work[]): Write[] {
    const writes = this.store.write(batch);
    const written = new Set<Room>();
    for (const work of batch) {
      for (const room of work.rooms) {
        this.directory.changed(room.local, room.destroyed ? null : room.config, room.locked);
        const causer = work.cause?.fromJid;
        if (!causer || written.has(room)) continue;
        // Once for all that a batch changes of a room: it is written once.
        written.add(room);
        this.pace.charge(causer.bare, room.documentSize, this.ticks());
      }
      for (const entry of work.messages) writes.push({ done: this.#journal.append(entry), of: work });
      if (work.messages.length > 0) work.sent.push(() => this.#journal.sent(work.messages));
    }
    return writes;
  }

  /**
   * What is sent of a work that could not be made durable. A message or whoever entered has not come, for anybody.
   * Everything else is as it is here now, and will be in the store: all are told of it, but nobody that it is done.
   */
  #failed(work: Work, reason: unknown): Outgoing[] {
    for (const entry of work.messages) {
      entry.room.history = entry.room.history.filter((kept) => kept !== entry.document);
      this.#journal.takeBack(entry);
    }
    const { cause } = work;
    const refusal = cause === null ? null : errorText(cause, stanzaErrorOf(reason));
    const refused = refusal === null ? [] : [refusal];
    if (work.messages.length > 0 || work.undo.length > 0) {
      for (const undo of work.undo.splice(0).reverse()) undo();
      return refused;
    }
    const shown = work.out.filter((outgoing) => !work.isResult(outgoing));
    return shown.length < work.out.length ? [...shown, ...refused] : shown;
  }

  /** What the server answers after everything it was sent before. */
  #barrier(passed: () => void): void {
    const id = this.newId();
    this.own.add(`barrier\n${id}`, passed, this.ticks() + BARRIER_MILLISECONDS, passed);
    this.#component.send(
      `<iq type='get' from='${this.jid.domain}' to='${escapeAttribute(this.policy.coreDomain)}' id='${id}'><ping xmlns='${NS.ping}'/></iq>`,
    );
  }

  multicastRefused(bounced: Stanza): void {
    const { condition } = StanzaError.fromStanza(bounced);
    this.log.error(
      { code: 'muc.multicast-refused', condition },
      'the server has sent a message for a room to nobody: it is told the addresses with each from now on',
    );
    this.#multicast.distrustLists();
  }

  emptied(work: Work, room: Room): void {
    if (room.sessions.size === 0 && !room.config.persistent && !room.destroyed) this.end(work, room);
  }

  end(work: Work, room: Room): void {
    room.destroyed = true;
    work.saveRoom(room);
    this.#creators.remove(room.creator, room.local);
    this.#journal.forget(room.local);
    work.durable.push(this.rooms.remove(room));
  }

  /** Rooms have one owner: two processes on one store, or a shared connection, would each have their own idea of them. */
  async checkOwner(): Promise<void> {
    try {
      if (await this.store.isOwner()) return;
    } catch {
      // The store is away: whoever serves the rooms cannot be known, and nothing can be written either.
      return;
    }
    this.log.error({ code: 'muc.superseded' }, 'another process serves these rooms: this one stops');
    this.#superseded();
  }

  /** Housekeeping; public for tests. */
  tick(): void {
    const ticks = this.ticks();
    for (const table of [this.pending, this.remembered, this.own]) table.sweep(ticks);
    this.delivery.writeAgain();
    const { pingIdleSeconds } = this.policy;
    for (const room of [...this.rooms.loaded.values()]) {
      if (room.locked && this.now() - room.createdAt > UNCONFIGURED_MILLISECONDS) this.#endUnconfigured(room);
      else if (
        room.sessions.size === 0 &&
        ticks - room.lastUsed > IDLE_MILLISECONDS &&
        this.delivery.size === 0 &&
        this.delivery.durable
      )
        this.rooms.unload(room);
      if (pingIdleSeconds === 0) continue;
      const since = ticks - pingIdleSeconds * 1000;
      for (const session of room.sessions.values())
        if (session.lastSeen < since) this.#ghosts.check(room, session, since);
    }
  }

  #endUnconfigured(room: Room): void {
    const work = new Work(null);
    destroy(this, work, room, { reason: 'The room was never configured.' });
    this.delivery.submit(work);
  }

  /** §11.2: everybody out of every room, for good. Resolves with how many occupants that were. */
  async close(): Promise<number> {
    let occupants = 0;
    for await (const room of this.#occupied()) {
      const work = new Work(null);
      occupants += room.occupants.size;
      closeRoom(this, work, room);
      this.delivery.submit(work);
    }
    await this.delivery.settled();
    return occupants;
  }

  /** Destroys a room for an administrator of the service. False where there is none. */
  async destroyRoom(local: string, reason: string | undefined): Promise<boolean> {
    const room = await this.rooms.find(local);
    if (room === null) return false;
    const work = new Work(null);
    destroy(this, work, room, { reason });
    this.delivery.submit(work);
    await this.delivery.settled();
    return true;
  }

  get counts(): { rooms: number; occupants: number; unconfirmed: number } {
    let occupants = 0;
    for (const room of this.rooms.loaded.values()) occupants += room.occupants.size;
    return { rooms: this.rooms.loaded.size, occupants, unconfirmed: this.#journal.unconfirmed };
  }

  async #settled(): Promise<void> {
    await this.delivery.settled();
    await Promise.all([this.#creators.flush(), this.#journal.settled()]);
  }

  /** Everything accepted is durable, sent, and as far as can be known arrived. */
  async drain(milliseconds: number): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#ghosts.stop();
    const cut = new AbortController();
    const late = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      cut.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    await Promise.race([this.#settled(), late]);
    cut.abort();
    await this.publicLog?.flush();
  }
}
