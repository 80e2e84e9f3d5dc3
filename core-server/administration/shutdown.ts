import type { AdminCommand } from './admin-command.js';
import { stopLauncher } from './launcher.js';
import { endLater, serviceEndFields } from './service-end.js';

/** XEP-0133 §4.31: everything that was started together ends together; without a launcher, the core. */
export const shutdown: AdminCommand = {
  node: 'shutdown',
  name: 'Shut Down Service',
  title: 'Shutting Down the Service',
  instructions: 'Fill out this form to shut down the service.',
  fields: () => serviceEndFields('shutting down'),
  run(core, request) {
    const seconds = endLater(core, request, async () => {
      if (!(await stopLauncher(core))) process.kill(process.pid, 'SIGTERM');
    });
    return { note: { type: 'info', text: `The service shuts down in ${seconds} seconds` } };
  },
};
