import { after, before, test } from 'node:test';
import type { World } from '../../../tools/muc/world.js';
import { sections } from './all.js';

interface LoggingWorld extends World {
  readonly log: readonly string[];
}

/** Runs every section in the world that `start` makes; skips them all, naming `what`, where there is none. */
export function runSections(what: string, start: () => Promise<LoggingWorld | undefined>): void {
  let world: LoggingWorld | undefined;
  before(async () => {
    world = await start();
  });
  after(() => world?.stop());
  for (const section of sections) {
    test(`XEP-0045 ${section.name}`, async (t) => {
      if (world === undefined) return t.skip(`${what} is not installed`);
      try {
        await section.run(world);
      } catch (error) {
        if (error instanceof Error) error.message += `\nmuc logged:\n${world.log.join('\n')}`;
        throw error;
      }
    });
  }
}
