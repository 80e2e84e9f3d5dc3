import type { Logger } from '../../shared/observability/types.js';
import { isBadDocument } from '../../shared/storage/walk.js';
import type { Room } from './rooms/room.js';
import type { RoomStore } from './rooms/store.js';
import type { Journalled } from './work.js';
import { Work } from './work.js';

/** What the journal needs of the process around it. */
interface JournalOptions {
  readonly store: RoomStore;
  readonly log: Logger;
  /** Queues texts behind everything that waits (`front`: before it). */
  readonly submit: (work: Work, front: boolean) => void;
  /** Asks the server for a sign that it has taken everything sent so far. */
  readonly barrier: (passed: () => void) => void;
  readonly room: (local: string) => Promise<Room | null>;
  /** Messages that each room keeps. */
  readonly keep: number;
}

interface RoomJournal {
  /** Everything up to this entry is done. */
  after: number;
  /** Messages that are not confirmed. */
  open: number;
  /** The marker is there: without it nothing of the room may be sent. */
  readonly marked: Promise<unknown>;
}

const PAGE = 200;
const TRIM_EVERY = 64;
/**
 * How long a marker may lag behind. In a busy room each write of it would be a transaction of its own between two of
 * messages; a crash sends again what was done in the meantime, which clients tell by the ids.
 */
const MARKER_MILLISECONDS = 10;

/**
 * Groupchat messages between "durable" and "delivered". A message is in its room's archive, with its stanza-id, before
 * anybody sees it; a marker says from where on messages may be unfinished. It is done when the server has answered
 * something that was sent after it: XEP-0114 has no acknowledgements, but a stream has an order. What is not done when
 * the link or the process is lost is sent again, with the same ids.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #rooms = new Map<string, RoomJournal>();
  /** Handed to the stream and not confirmed, in order. */
  #sent: Journalled[] = [];
  #waiting = false;
  #epoch = 0;
  #idle: (() => void)[] = [];
  /** Rooms whose marker lags behind. */
  readonly #stale = new Set<string>();
  #markers: NodeJS.Timeout | null = null;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  get unconfirmed(): number {
    return this.#sent.length;
  }

  /** Resolves when every message that was sent is confirmed, and the store knows. */
  async settled(): Promise<void> {
    if (this.#sent.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#mark();
  }

  /** Makes the message durable: resolves when it may be sent. */
  async append(entry: Journalled): Promise<void> {
    const { store, keep } = this.#options;
    const { room } = entry;
    let state = this.#rooms.get(room.local);
    if (state === undefined) {
      const after = room.lastArchiveId;
      state = { after, open: 0, marked: store.journal.put(room.local, { after }) };
      this.#rooms.set(room.local, state);
    }
    const { marked } = state;
    state.open++;
    const appended = store.messages.append(room.local, entry.document).then((id) => {
      entry.archiveId = id;
      room.lastArchiveId = id;
      if (id % TRIM_EVERY === 0) this.#trim(room.local, keep + (state?.open ?? 0));
    });
    // both are over before anything is said of the message
    const results = await Promise.allSettled([marked, appended]);
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      if (results[0].status === 'rejected' && this.#rooms.get(room.local) === state)
        this.#rooms.delete(room.local);
      throw result.reason;
    }
  }

  /** Its sender is told that it was not sent: it is not to come back from the archive either. */
  takeBack({ room, archiveId }: Journalled): void {
    const state = this.#rooms.get(room.local);
    if (state !== undefined) {
      state.open--;
      this.#markSoon(room.local);
    }
    if (archiveId > 0) void this.#background(this.#options.store.messages.remove(room.local, [archiveId]));
  }

  /** These have been written to the stream. */
  sent(entries: readonly Journalled[]): void {
    if (entries.length === 0) return;
    this.#sent.push(...entries);
    this.#confirm();
  }

  /** The link is lost: nothing that was asked of the server will be answered. */
  linkLost(): void {
    this.#epoch++;
    this.#waiting = false;
  }

  /** The link is up again: what the server may not have got goes first. */
  linkUp(): void {
    const entries = this.#sent;
    this.#sent = [];
    if (entries.length > 0) this.#resend(entries);
  }

  /** After a start: sends again what the last process did not finish. Resolves with how many messages that were. */
  async recover(): Promise<number> {
    const { store, log } = this.#options;
    let count = 0;
    for await (const local of store.journal.owners()) {
      try {
        count += await this.#recoverRoom(local);
      } catch (error) {
        // One room that cannot be read costs the others nothing.
        if (!isBadDocument(error)) throw error;
        log.error({ code: 'muc.room-unreadable', room: local, error }, 'a room could not be read');
      }
    }
    if (count > 0)
      log.info({ code: 'muc.journal-recovered', messages: count }, 'unfinished messages sent again');
    return count;
  }

  async #recoverRoom(local: string): Promise<number> {
    const { store } = this.#options;
    const marker = await store.journal.get(local);
    const room = await this.#options.room(local);
    if (marker === undefined) return 0;
    if (room === null) {
      await store.journal.delete(local);
      return 0;
    }
    const entries: Journalled[] = [];
    let { after } = marker.value;
    for (;;) {
      const page = await store.messages.page(local, { after, limit: PAGE });
      for (const { id, value } of page) entries.push({ room, document: value, archiveId: id });
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) break;
      after = last.id;
    }
    if (entries.length === 0) await store.journal.delete(local);
    else {
      const marked = Promise.resolve();
      this.#rooms.set(local, { after: marker.value.after, open: entries.length, marked });
      this.#resend(entries);
    }
    return entries.length;
  }

  /** The room and its archive are gone. */
  forget(local: string): void {
    this.#rooms.delete(local);
    this.#sent = this.#sent.filter((entry) => entry.room.local !== local);
  }

  #resend(entries: readonly Journalled[]): void {
    const work = new Work(null);
    for (const { room, document } of entries) {
      if (room.destroyed) continue;
      const to: string[] = [];
      for (const session of room.sessions.values()) {
        // Whoever came later has it from the history.
        if (session.joinedAt <= document.at) to.push(session.address);
      }
      work.broadcastTo(document, to);
    }
    work.sent.push(() => this.sent(entries));
    this.#options.submit(work, true);
  }

  #confirm(): void {
    if (this.#waiting || this.#sent.length === 0) return;
    this.#waiting = true;
    const covered = this.#sent.length;
    const epoch = this.#epoch;
    this.#options.barrier(() => {
      if (epoch !== this.#epoch) return;
      this.#waiting = false;
      this.#done(this.#sent.splice(0, covered));
      if (this.#sent.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
      this.#confirm();
    });
  }

  #done(entries: readonly Journalled[]): void {
    for (const { room, archiveId } of entries) {
      const state = this.#rooms.get(room.local);
      if (state === undefined || room.destroyed) continue;
      state.open--;
      state.after = archiveId;
      this.#markSoon(room.local);
    }
  }

  #markSoon(local: string): void {
    this.#stale.add(local);
    this.#markers ??= setTimeout(() => void this.#mark(), MARKER_MILLISECONDS);
  }

  /** Writes from where on messages may be unfinished now. */
  async #mark(): Promise<void> {
    const { store } = this.#options;
    if (this.#markers !== null) clearTimeout(this.#markers);
    this.#markers = null;
    const writes: Promise<void>[] = [];
    for (const local of this.#stale) {
      const state = this.#rooms.get(local);
      if (state === undefined) continue;
      if (state.open > 0) writes.push(this.#background(store.journal.put(local, { after: state.after })));
      else {
        this.#rooms.delete(local);
        writes.push(this.#background(store.journal.delete(local)));
      }
    }
    this.#stale.clear();
    await Promise.all(writes);
  }

  #trim(local: string, keep: number): void {
    void this.#background(this.#options.store.messages.trim(local, keep));
  }

  /** Nothing waits for these: at worst a message is sent twice after a crash. */
  #background(write: Promise<unknown>): Promise<void> {
    return write.then(
      () => undefined,
      (error: unknown) =>
        this.#options.log.warn(
          { code: 'muc.journal-write-failed', error: String(error) },
          'journal not updated',
        ),
    );
  }
}
