import { after, test } from 'node:test';
import type { World } from '../../../tools/muc/world.js';
import { sections } from './all.js';

interface LoggingWorld extends World {
  readonly log: readonly string[];
}

/** Runs every section in the world that `start` makes; where there is none, one test that is skipped names `what`. */
export async function runSections(
  what: string,
  start: () => Promise<LoggingWorld | undefined>,
): Promise<void> {
  const world = await start();
  if (world === undefined) {
    test(`XEP-0045 behind ${what}`, (t) => t.skip(`${what} is not installed`));
    return;
  }
  after(() => world.stop());
  for (const section of sections) {
    test(`XEP-0045 ${section.name}`, async () => {
      try {
        await section.run(world);
      } catch (error) {
        if (error instanceof Error) error.message += `\nmuc logged:\n${world.log.join('\n')}`;
        throw error;
      }
    });
  }
}
