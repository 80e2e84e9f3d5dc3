import { z } from 'zod';
import type { Logger } from '../../shared/observability/types.js';
import type { KeyValueCollection, Storage } from '../../shared/storage/storage.js';
import type { BareJid } from '../../shared/xmpp/jid.js';

/** Log-ins are written together, so often; a crash loses that much. */
const WRITE_MILLISECONDS = 2_000;
/** Over this the rate of log-ins is told. */
const RATE_MINUTES = 10;

/** When accounts last logged in, and how often they do (XEP-0133 §"Get User Last Login Time", §"Get User Statistics"). */
export class LogIns {
  readonly #stored: KeyValueCollection<{ at: number }>;
  readonly #log: Logger;
  readonly #unwritten = new Map<BareJid, number>();
  readonly #recent = new Map<BareJid, number[]>();
  readonly #timer: NodeJS.Timeout;

  constructor(storage: Storage, log: Logger) {
    this.#stored = storage.keyval({
      name: 'log-ins',
      schema: z.object({ at: z.number() }),
      schemaVersion: 1,
    });
    this.#log = log;
    this.#timer = setInterval(() => void this.write(), WRITE_MILLISECONDS);
    this.#timer.unref();
  }

  happened(account: BareJid, now = Date.now()): void {
    this.#unwritten.set(account, now);
    const times = this.#recent.get(account);
    if (times === undefined) this.#recent.set(account, [now]);
    else {
      times.push(now);
      if (times.length > 1000) times.shift();
    }
  }

  /** Milliseconds since 1970; undefined for an account that never has. */
  async last(account: BareJid): Promise<number | undefined> {
    return this.#unwritten.get(account) ?? (await this.#stored.get(account))?.value.at;
  }

  perMinute(account: BareJid, now = Date.now()): number {
    const begin = now - RATE_MINUTES * 60_000;
    return (this.#recent.get(account) ?? []).filter((time) => time > begin).length / RATE_MINUTES;
  }

  async forget(account: BareJid): Promise<void> {
    this.#unwritten.delete(account);
    this.#recent.delete(account);
    await this.#stored.delete(account);
  }

  async write(): Promise<void> {
    const begin = Date.now() - RATE_MINUTES * 60_000;
    for (const [account, times] of this.#recent) {
      if ((times.at(-1) ?? 0) <= begin) this.#recent.delete(account);
    }
    const writes = [...this.#unwritten];
    this.#unwritten.clear();
    const done = await Promise.allSettled(writes.map(([account, at]) => this.#stored.put(account, { at })));
    const failure = done.find((one) => one.status === 'rejected');
    if (failure !== undefined)
      this.#log.warn({ code: 'admin.log-ins-unwritten', error: failure.reason }, 'log-ins were not noted');
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }
}
