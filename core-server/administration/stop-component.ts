import { type AdminCommand, failed } from './admin-command.js';
import { askLauncher } from './launcher.js';
import { componentField } from './restart-component.js';

/** Ends one component until somebody restarts it, or everything. */
export const stopComponent: AdminCommand = {
  node: 'urn:entourage:admin:stop-component',
  name: 'Shut Down a Component',
  instructions: 'It stays away until it is restarted.',
  fields: (core) => [componentField(core)],
  run(core, request) {
    const name = String(request.values['component'] ?? '');
    if (name === '') return failed('no component is named');
    return askLauncher(core, 'halt', name, `${name} was shut down`);
  },
};
