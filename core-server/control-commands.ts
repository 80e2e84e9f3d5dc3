import { ControlError } from '../shared/cli/control-error.js';
import type { ControlServer } from '../shared/cli/control-server.js';
import { jid } from '../shared/xmpp/jid.js';
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

function endSessions(core: Core, account: string, text: string): void {
  const state = core.directory.peek(jid(account));
  if (state !== undefined) core.sessions.endAll(state, 'not-authorized', text);
}

/** What a change of an account means for its live sessions and its memory. */
export function followAccounts(core: Core): void {
  core.accounts.subscribe((event) => {
    const address = jid(event.account);
    switch (event.kind) {
      case 'created':
        core.directory.setExists(address, true);
        core.hooks.accountCreated.emit(event.account);
        return;
      case 'disabled':
        endSessions(core, event.account, 'the account is disabled');
        return;
      case 'removed':
        // first, so that nothing that its sessions leave is stored for it
        core.directory.setExists(address, false);
        endSessions(core, event.account, 'the account was removed');
        return;
      // whoever changes a password ends the sessions: the operator's command all, XEP-0077 the others
      case 'password-changed':
      case 'enabled':
      case 'released':
        return;
    }
  });
}
