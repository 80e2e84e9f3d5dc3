import { z } from 'zod';
import type { Component } from '../../../shared/component/component.js';
import type { Storage } from '../../../shared/storage/storage.js';

const EVERY_MILLISECONDS = 30_000;

/**
 * Until when everyone who became available has had the last items, over links and restarts. A crash forgets up to half a
 * minute, and then some get them twice. So does who sends presence again while the link is down: the server repeats only
 * the last one, and cannot say whether that resource went and came back in between.
 */
export class LastSeen {
  /** Milliseconds since 1970. */
  time = 0;
  readonly #write: (time: number) => Promise<void>;
  readonly #servedUntil: () => number;
  #timer: NodeJS.Timeout | undefined;

  private constructor(write: (time: number) => Promise<void>, servedUntil: () => number) {
    this.#write = write;
    this.#servedUntil = servedUntil;
  }

  /** `servedUntil`: 0 where nothing is known of that. */
  static async open(storage: Storage, component: Component, servedUntil: () => number): Promise<LastSeen> {
    const state = storage.keyval({ name: 'state', schema: z.object({ time: z.number() }), schemaVersion: 1 });
    const write = async (time: number): Promise<void> => {
      try {
        await state.put('last-seen', { time });
      } catch (error) {
        component.log.warn({ code: 'pep.state-not-written', error }, 'the time of the link was not noted');
      }
    };
    const seen = new LastSeen(write, servedUntil);
    seen.time = (await state.get('last-seen'))?.value.time ?? 0;
    component.onUp(() => {
      seen.#timer = setInterval(() => void seen.#note(), EVERY_MILLISECONDS);
      seen.#timer.unref();
    });
    component.onDown(() => void seen.stop());
    return seen;
  }

  /** The link ends now. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.time = this.#servedUntil() || this.time;
    await this.#write(this.time);
  }

  /** What is compared with stays as it was when this link began: the server may still be repeating who is there. */
  async #note(): Promise<void> {
    const time = this.#servedUntil();
    if (time !== 0) await this.#write(time);
  }
}
