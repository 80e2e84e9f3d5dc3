import { runSections } from '../conversations/muc/sections/run.js';
import { ServerWorld } from '../tools/muc/server-world.js';

await runSections('ejabberd', () => ServerWorld.behind('ejabberd'));
