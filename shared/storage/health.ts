import type { Logger } from '../observability/types.js';
import { type OpenOptions, openStorage } from './open.js';
import { type Storage, StorageError, type StorageErrorCode } from './storage.js';

/** While it fails, the store is tried every so often, in ms. */
const TRY_EVERY = 2_000;

/** These say something of the store, not of one document or caller. */
const OF_THE_STORE: ReadonlySet<StorageErrorCode> = new Set(['unavailable', 'full', 'read-only', 'corrupt']);

interface HealthOptions {
  readonly log: Logger;
  /** Resolves when a write works. */
  readonly ping: () => Promise<void>;
  /** What keeps the store from being written, for people; null when it works again. */
  readonly changed: (problem: string | null) => void;
  readonly tryEvery?: number;
}

/** Whether the store can be written: told by what fails, and once it fails by trying. Said once, and once when it is over. */
export class StorageHealth {
  readonly #options: HealthOptions;
  #failing: StorageErrorCode | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** A read or write has failed, or has to be tried again. */
  failed(error: StorageError): void {
    if (this.#closed || this.#failing !== null || !OF_THE_STORE.has(error.code)) return;
    this.#failing = error.code;
    this.#options.log.error(
      { code: 'storage.failing', storage_code: error.code, reason: error.message },
      'the store does not work: what needs it is refused until it does',
    );
    this.#options.changed(`the store does not work (${error.code})`);
    this.#tryLater();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #tryLater(): void {
    this.#timer = setTimeout(() => {
      this.#options.ping().then(
        () => this.#works(),
        () => this.#closed || this.#tryLater(),
      );
    }, this.#options.tryEvery ?? TRY_EVERY);
    this.#timer.unref();
  }

  #works(): void {
    if (this.#closed) return;
    this.#failing = null;
    this.#options.log.info({ code: 'storage.recovered' }, 'the store works again');
    this.#options.changed(null);
  }
}

type Changed = { readonly changed: (problem: string | null) => void };

/** {@link openStorage} for a process that serves: `changed` learns when the store ceases to work, and when it does again. */
export function openWatchedStorage(
  url: string,
  options: Omit<OpenOptions, 'failed'> & Changed,
): Promise<Storage> {
  return watched((failed) => openStorage(url, { ...options, failed }), options);
}

/** A store as it is opened by `open`, which may fail for a while before it succeeds: a database that comes later. */
export async function watched(
  open: (failed: (error: StorageError) => void) => Promise<Storage>,
  options: Pick<HealthOptions, 'log' | 'changed' | 'tryEvery'>,
): Promise<Storage> {
  let storage: Storage | undefined;
  const health = new StorageHealth({
    ...options,
    ping: async () => {
      if (storage === undefined) throw new StorageError('unavailable', 'it is not open yet');
      await storage.ping();
    },
  });
  try {
    storage = await open((error) => health.failed(error));
  } catch (error) {
    health.close();
    throw error;
  }
  const { close } = storage;
  storage.close = () => {
    health.close();
    return close.call(storage);
  };
  return storage;
}
