import { runProcess } from '../shared/cli/process.js';
import { startCore } from './server.js';
import { coreSettings } from './settings.js';

await runProcess({ name: 'core', definition: coreSettings, start: startCore });
