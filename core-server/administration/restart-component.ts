import type { Core } from '../core.js';
import { type AdminCommand, failed } from './admin-command.js';
import { askLauncher } from './launcher.js';

/** The component that a form offers; those that the core knows. */
export const componentField = (core: Core) =>
  ({
    var: 'component',
    type: 'list-single',
    label: 'Component',
    required: true,
    options: [...core.components.domains.values()].map(({ label, name }) => ({
      value: label,
      label: `${label} (${name})`,
    })),
  }) as const;

/** Ends one component and starts it again: what is sent to it meanwhile is held. */
export const restartComponent: AdminCommand = {
  node: 'urn:entourage:admin:restart-component',
  name: 'Restart a Component',
  fields: (core) => [componentField(core)],
  run(core, request) {
    const name = String(request.values['component'] ?? '');
    if (name === '') return failed('no component is named');
    return askLauncher(core, 'restart', name, `${name} was restarted`);
  },
};
