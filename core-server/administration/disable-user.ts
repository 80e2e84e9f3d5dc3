import { AccountError } from '../accounts/account-error.js';
import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

/** XEP-0133 §4.3: no log-in any more and no session, everything else is kept. */
export const disableUser: AdminCommand = {
  node: 'disable-user',
  name: 'Disable Users',
  title: 'Disabling a User',
  instructions: 'Fill out this form to disable a user.',
  fields: () => [{ ...ACCOUNTS_FIELD, label: 'The Jabber ID(s) to disable' }],
  run: (core, request) =>
    forEachAccount(request, 'Disabled', async (account) => {
      if (account === request.from.bare) throw new AccountError('not-found', 'this is your own account');
      // the sessions are ended by whoever follows the accounts
      await core.accounts.disable(account);
    }),
};
