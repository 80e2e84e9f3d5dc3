import type { Difference, Three } from './compare.js';
import type { Conversation } from './conversation.js';
import { unexplained } from './explained.js';
import { Run } from './run.js';
import { type Side, startEjabberdSide, startEntourage, startProsodySide } from './servers.js';

/** Ours, Prosody and ejabberd, which hear the same. */
export class Panel {
  readonly #sides: readonly [Side, Side, Side];
  #runs = 0;

  private constructor(sides: readonly [Side, Side, Side]) {
    this.#sides = sides;
  }

  /** Resolves with the name of a program that is not installed instead. */
  static async start(): Promise<Panel | string> {
    const [prosody, ejabberd] = await Promise.all([startProsodySide(), startEjabberdSide()]);
    if (prosody !== undefined && ejabberd !== undefined) {
      return new Panel([await startEntourage(), prosody, ejabberd]);
    }
    await Promise.all([prosody?.stop(), ejabberd?.stop()]);
    return prosody === undefined ? 'prosody' : 'ejabberd';
  }

  async hear(conversation: Conversation, patient: boolean): Promise<Three> {
    this.#runs += 1;
    const number = this.#runs;
    const [ours, prosody, ejabberd] = this.#sides;
    const run = (side: Side) => new Run(side, conversation, number, patient).all();
    return Promise.all([run(ours), run(prosody), run(ejabberd)]);
  }

  /** What nobody has explained, also when each server was given more time. */
  async difference(conversation: Conversation): Promise<Difference | undefined> {
    const hasty = await this.hear(conversation, false).catch(() => undefined);
    if (hasty !== undefined && unexplained(conversation, hasty).length === 0) return undefined;
    return unexplained(conversation, await this.hear(conversation, true))[0];
  }

  /** The same conversation without what the difference does not need, as far as one gets until `end` (performance.now()). */
  async shortest(conversation: Conversation, difference: Difference, end: number): Promise<Conversation> {
    let steps = conversation.steps.slice(0, difference.index + 1);
    for (let index = steps.length - 2; index >= 0 && performance.now() < end; index -= 1) {
      const fewer = { ...conversation, steps: steps.filter((_, at) => at !== index) };
      const found = unexplained(fewer, await this.hear(fewer, true))[0];
      if (found?.line === difference.line && found.at === difference.at) steps = fewer.steps;
    }
    return { ...conversation, steps };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sides.map((side) => side.stop()));
  }
}
