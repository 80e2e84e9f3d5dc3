import { ServerWorld } from '../../tools/muc/server-world.js';
import { runSections } from './sections/run.js';

await runSections('the core', () => ServerWorld.behind('core'));
