import { AccountError } from '../accounts/account-error.js';
import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

/** XEP-0133 §4.2: the account, its sessions, and everything that anybody of ours keeps of it. */
export const deleteUser: AdminCommand = {
  node: 'delete-user',
  name: 'Delete Users',
  instructions: 'Their rosters, messages, vCards and nodes are deleted with them.',
  fields: () => [ACCOUNTS_FIELD],
  run: (core, request) =>
    forEachAccount(request, 'Deleted', async (account) => {
      // whoever deletes himself could not undo it, and XEP-0077 is there for those who mean it
      if (account === request.from.bare) throw new AccountError('not-found', 'this is your own account');
      await core.accountRemoval.remove(account, false);
    }),
};
