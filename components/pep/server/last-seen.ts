import { z } from 'zod';
import type { Component } from '../../../shared/component/component.js';
import type { Storage } from '../../../shared/storage/storage.js';

const EVERY_MILLISECONDS = 30_000;

/**
 * Until when the last link to the server was up, over restarts: whoever became available before that has had the last
 * items, and whoever did later has not. A crash loses up to half a minute, and then some get them twice.
 */
export class LastSeen {
  /** Milliseconds since 1970. */
  time = 0;
  readonly #write: (time: number) => Promise<void>;
  #timer: NodeJS.Timeout | undefined;

  private constructor(write: (time: number) => Promise<void>) {
    this.#write = write;
  }

  static async open(storage: Storage, component: Component): Promise<LastSeen> {
    const state = storage.keyval({ name: 'state', schema: z.object({ time: z.number() }), schemaVersion: 1 });
    const write = async (time: number): Promise<void> => {
      try {
        await state.put('last-seen', { time });
      } catch (error) {
        component.log.warn({ code: 'pep.state-not-written', error }, 'the time of the link was not noted');
      }
    };
    const seen = new LastSeen(write);
    seen.time = (await state.get('last-seen'))?.value.time ?? 0;
    component.onUp(() => {
      seen.#timer = setInterval(() => void write(Date.now()), EVERY_MILLISECONDS);
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
    this.time = Date.now();
    await this.#write(this.time);
  }
}
