import type { AdminCommand } from './admin-command.js';
import { askLauncher } from './launcher.js';
import { endLater, serviceEndFields } from './service-end.js';

/** XEP-0133 §4.30: the core ends, and its launcher or supervisor starts it again. */
export const restart: AdminCommand = {
  node: 'restart',
  name: 'Restart Service',
  title: 'Restarting the Service',
  instructions: 'Fill out this form to restart the service.',
  fields: () => serviceEndFields('restarting'),
  run(core, request) {
    const seconds = endLater(core, request, async () => {
      const { note } = await askLauncher(core, 'restart', 'core', '');
      // Without the launcher some supervisor is there, which starts again what has ended.
      if (note?.type === 'error') process.kill(process.pid, 'SIGTERM');
    });
    return { note: { type: 'info', text: `The service restarts in ${seconds} seconds` } };
  },
};
