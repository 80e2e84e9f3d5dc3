import { FakeWorld } from '../../tools/muc/fake-world.js';
import { runSections } from './sections/run.js';

await runSections('a fake server', () => FakeWorld.start());
