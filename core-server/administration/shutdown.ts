import type { AdminCommand } from './admin-command.js';
import { stopLauncher } from './launcher.js';
import { endLater, SERVICE_END_FIELDS } from './service-end.js';

/** XEP-0133 §4.31: everything that was started together ends together; without a launcher, the core. */
export const shutdown: AdminCommand = {
  node: 'shutdown',
  name: 'Shut Down Service',
  instructions: 'A supervisor (systemd, a container engine) may start it again.',
  fields: () => SERVICE_END_FIELDS,
  run(core, request) {
    const seconds = endLater(core, request, async () => {
      if (!(await stopLauncher(core))) process.kill(process.pid, 'SIGTERM');
    });
    return { note: { type: 'info', text: `The service shuts down in ${seconds} seconds` } };
  },
};
