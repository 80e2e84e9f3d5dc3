import { after, before, test } from 'node:test';
import { FakeWorld } from '../../tools/muc/fake-world.js';
import { sections } from './sections/all.js';

let world: FakeWorld;
before(async () => {
  world = await FakeWorld.start();
});
after(() => world.stop());

for (const section of sections) {
  test(`XEP-0045 ${section.name}`, async () => {
    try {
      await section.run(world);
    } catch (error) {
      if (error instanceof Error && world.log.length > 0)
        error.message += `\nmuc logged:\n${world.log.join('\n')}`;
      throw error;
    }
  });
}
