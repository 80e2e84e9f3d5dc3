import { checkOwner, encodeValue } from './document.js';
import type { LmdbDatabase, LmdbEnvironment } from './lmdb-environment.js';
import { lmdbFailure } from './lmdb-errors.js';
import { OverlaidDatabase } from './lmdb-overlay.js';
import type { Commit } from './lmdb-writer.js';
import { readableEntries, type StoredEntry, type Unreadable } from './readable-entries.js';
import type { ArchiveCollection, ArchiveEntry, ArchivePage, CollectionDefinition } from './storage.js';

// Two sub-databases: the entries under [owner, id], each `{"schemaVersion":1,"value":…}`; and per owner the last id
// given out, `{"last":42}`, which stays when entries go, so that no id ever comes twice.
const HEADER = /^\{"schemaVersion":(\d+),"value":/;

/** The names of an archive's two sub-databases. */
export function archiveDatabases(collection: string): { entries: string; heads: string } {
  return { entries: `archive:${collection}`, heads: `heads:${collection}` };
}

/** An entry as it is stored; `text` is its value in JSON. */
export function packEntry(schemaVersion: number, text: string): string {
  return `{"schemaVersion":${schemaVersion},"value":${text}}`;
}

/** The parts of a stored entry as they are; undefined if the text is none. */
export function unpackEntry(stored: string): { schemaVersion: number; text: string } | undefined {
  const match = HEADER.exec(stored);
  if (match === null) return undefined;
  return { schemaVersion: Number(match[1]), text: stored.slice(match[0].length, -1) };
}

/** An archive’s head as it is stored: the last id that was given. */
export function packHead(last: number): string {
  return `{"last":${last}}`;
}

/** The last id that was given; undefined if the text is no head. */
export function unpackHead(stored: string): number | undefined {
  const match = /^\{"last":(\d+)\}$/.exec(stored);
  return match === null ? undefined : Number(match[1]);
}

/** The sub-databases of one archive and what waits to be committed to them; one per name and environment. */
export class LmdbArchiveFiles {
  readonly environment: LmdbEnvironment;
  readonly entries: LmdbDatabase | undefined;
  readonly #entriesName: string;
  readonly heads: OverlaidDatabase;
  readonly #pending = new Map<string, Commit>();
  readonly #steps = new Map<string, Promise<unknown>>();

  constructor(environment: LmdbEnvironment, collection: string) {
    const names = archiveDatabases(collection);
    this.environment = environment;
    this.#entriesName = names.entries;
    this.entries = environment.database(names.entries);
    this.heads = new OverlaidDatabase(environment, names.heads);
  }

  /** Queues the write of an entry (null: its removal). */
  write(owner: string, id: number, text: string | null): Commit {
    const commit = this.environment.write(this.#entriesName, [owner, id], text);
    if (this.#pending.get(owner) !== commit) {
      this.#pending.set(owner, commit);
      commit.whenOver(() => {
        if (this.#pending.get(owner) === commit) this.#pending.delete(owner);
      });
    }
    return commit;
  }

  /** Runs a step that must first read what is committed, so that later reads wait for all of it. */
  async inOrder<R>(owner: string, step: () => Promise<R>): Promise<R> {
    const before = this.settled(owner);
    const result = before.then(step);
    this.#steps.set(owner, result);
    try {
      return await result;
    } finally {
      if (this.#steps.get(owner) === result) this.#steps.delete(owner);
    }
  }

  /** Lets this owner's writes be committed: reads look at committed entries only. */
  async settled(owner: string): Promise<void> {
    await Promise.allSettled([this.#pending.get(owner)?.durable, this.#steps.get(owner)]);
  }
}

/** One collection of archives in lmdb. */
export class LmdbArchive<T> implements ArchiveCollection<T> {
  readonly #environment: LmdbEnvironment;
  readonly #definition: CollectionDefinition<T>;
  readonly #files: LmdbArchiveFiles;
  readonly #unreadable: Unreadable;

  constructor(files: LmdbArchiveFiles, definition: CollectionDefinition<T>, unreadable: Unreadable) {
    this.#unreadable = unreadable;
    this.#environment = files.environment;
    this.#definition = definition;
    this.#files = files;
  }

  async append(owner: string, value: T): Promise<number> {
    checkOwner(this.#definition.name, owner);
    const text = packEntry(this.#definition.schemaVersion, encodeValue(this.#definition, owner, value));
    const id = this.#last(owner) + 1;
    // One turn, one transaction: the entry and the head come together or not at all.
    this.#files.write(owner, id, text);
    await this.#files.heads.put(owner, packHead(id)).durable;
    return id;
  }

  async page(owner: string, page: ArchivePage = {}): Promise<ArchiveEntry<T>[]> {
    checkOwner(this.#definition.name, owner);
    await this.#files.settled(owner);
    const fetch = (part: ArchivePage) => this.#range(owner, part);
    return readableEntries(this.#definition, owner, page, fetch, this.#unreadable);
  }

  async remove(owner: string, ids: readonly number[]): Promise<void> {
    checkOwner(this.#definition.name, owner);
    await this.#removeAll(owner, ids);
  }

  async trim(owner: string, keep: number): Promise<number> {
    checkOwner(this.#definition.name, owner);
    // What is appended after this call is not counted.
    const last = this.#last(owner);
    return this.#files.inOrder(owner, async () => {
      const ids = this.#ids(owner, last);
      const surplus = ids.slice(0, Math.max(0, ids.length - Math.max(0, keep)));
      await this.#removeAll(owner, surplus);
      return surplus.length;
    });
  }

  async clear(owner: string): Promise<void> {
    await this.trim(owner, 0);
  }

  async count(owner: string): Promise<number> {
    checkOwner(this.#definition.name, owner);
    await this.#files.settled(owner);
    this.#environment.assertOpen();
    return (
      this.#files.entries?.getKeysCount({ start: [owner, 0], end: [owner, Number.MAX_SAFE_INTEGER] }) ?? 0
    );
  }

  async *owners(prefix = ''): AsyncGenerator<string> {
    // The heads list everyone who ever had an entry; those who have one now are wanted.
    for await (const owner of this.#files.heads.owners(prefix)) {
      if (this.#ids(owner, Number.MAX_SAFE_INTEGER, 1).length > 0) yield owner;
    }
  }

  async #removeAll(owner: string, ids: readonly number[]): Promise<void> {
    let last: Commit | undefined;
    for (const id of ids) last = this.#files.write(owner, id, null);
    await last?.durable;
  }

  #last(owner: string): number {
    const bytes = this.#files.heads.get(owner);
    return bytes === undefined
      ? 0
      : (unpackHead(bytes) ?? this.#ids(owner, Number.MAX_SAFE_INTEGER).at(-1) ?? 0);
  }

  #ids(owner: string, last: number, limit?: number): number[] {
    this.#environment.assertOpen();
    if (this.#files.entries === undefined) return [];
    try {
      const keys = this.#files.entries.getKeys({
        start: [owner, 0],
        end: [owner, last],
        inclusiveEnd: true,
        ...(limit === undefined ? {} : { limit }),
      });
      return [...keys].map((key) => Number(key[1]));
    } catch (error) {
      throw lmdbFailure(error, `reading from ${this.#environment.folder}`);
    }
  }

  #range(owner: string, page: ArchivePage): StoredEntry[] {
    this.#environment.assertOpen();
    if (this.#files.entries === undefined || page.limit === 0) return [];
    const lowest = (page.after ?? 0) + 1;
    const highest = (page.before ?? Number.MAX_SAFE_INTEGER) - 1;
    if (highest < lowest) return [];
    const backwards = page.backwards === true;
    try {
      const range = this.#files.entries.getRange({
        start: [owner, backwards ? highest : lowest],
        end: [owner, backwards ? lowest : highest],
        inclusiveEnd: true,
        reverse: backwards,
        ...(page.limit === undefined ? {} : { limit: page.limit }),
      });
      return [...range].map(({ key, value }) => {
        const text = value.toString('utf8');
        // one without our header is no JSON of ours either
        return { id: Number(key[1]), ...(unpackEntry(text) ?? { schemaVersion: 0, text: '' }) };
      });
    } catch (error) {
      throw lmdbFailure(error, `reading from ${this.#environment.folder}`);
    }
  }
}
