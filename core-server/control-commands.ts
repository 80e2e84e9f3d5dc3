import { ControlError } from '../shared/cli/control-error.js';
import type { ControlServer } from '../shared/cli/control-server.js';
import { endSessions } from './account-changes.js';
import { accountCommands } from './accounts/account-commands.js';
import type { Core } from './core.js';

/** The commands of `entourage …` that a running core carries out. */
export function registerControlCommands(core: Core, control: ControlServer): void {
  const commands = accountCommands(core.accounts, (account, force) =>
    core.accountRemoval.remove(account, force),
  );
  for (const [name, handler] of Object.entries(commands)) {
    control.handle(name, async (args) => {
      const result = await handler(args);
      if (name === 'user.passwd') endSessions(core, String(args['jid']), 'the password was changed');
      return result;
    });
  }
  control.handle('component.list', () => core.status.get('components')?.() ?? []);
  control.handle('store.backup', async (args) => {
    const folder = args['folder'];
    if (typeof folder !== 'string') throw new ControlError('invalid', 'a folder is needed');
    await core.storage.backup(folder);
    return { folder };
  });
}
