import { FakeWorld } from '../../tools/muc/fake-world.js';
import { runSections } from './sections/run.js';

runSections('a fake server', () => FakeWorld.start());
