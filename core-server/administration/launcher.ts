import { control, NotRunningError } from '../../shared/cli/control-client.js';
import { ControlError } from '../../shared/cli/control-error.js';
import { controlSocketPath } from '../../shared/cli/run-files.js';
import type { CommandOutcome } from '../commands/command-registry.js';
import type { Core } from '../core.js';
import { failed } from './admin-command.js';

/** Has the launcher (`entourage start`) do something; a sentence where it cannot or is not there. */
export async function askLauncher(
  core: Core,
  command: 'restart' | 'halt',
  name: string,
  done: string,
): Promise<CommandOutcome> {
  try {
    await control(controlSocketPath(core.settings.DATA_DIR, 'launcher'), command, { name }, 20_000);
    return { note: { type: 'info', text: done } };
  } catch (error) {
    if (error instanceof NotRunningError) {
      return failed(
        `${name} was not started by \`entourage start\`: restart it with what supervises it (systemctl, docker)`,
      );
    }
    if (error instanceof ControlError) return failed(error.message);
    throw error;
  }
}

/** Ends the launcher and with it everything it started; false where there is none. */
export async function stopLauncher(core: Core): Promise<boolean> {
  try {
    await control(controlSocketPath(core.settings.DATA_DIR, 'launcher'), 'stop', {}, 5_000);
    return true;
  } catch (error) {
    if (error instanceof NotRunningError || error instanceof ControlError) return false;
    throw error;
  }
}
