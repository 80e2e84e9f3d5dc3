import { AccountError } from '../accounts/account-error.js';
import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

/** XEP-0133 §4.2: the account, its sessions, and everything that anybody of ours keeps of it. */
export const deleteUser: AdminCommand = {
  node: 'delete-user',
  name: 'Delete Users',
  title: 'Deleting a User',
  instructions: 'Fill out this form to delete a user.',
  fields: () => [{ ...ACCOUNTS_FIELD, label: 'The Jabber ID(s) to delete' }],
  run: (core, request) =>
    forEachAccount(request, 'Deleted', async (account) => {
      // whoever deletes himself could not undo it, and XEP-0077 is there for those who mean it
      if (account === request.from.bare) throw new AccountError('not-found', 'this is your own account');
      await core.accountRemoval.remove(account, false);
    }),
};
