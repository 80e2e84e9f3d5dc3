import { AccountError } from '../accounts/account-error.js';
import { ACCOUNT_FIELD, type AdminCommand, accountOf, failed } from './admin-command.js';

/** XEP-0133 §4.1. */
export const addUser: AdminCommand = {
  node: 'add-user',
  name: 'Add a User',
  title: 'Adding a User',
  instructions: 'Fill out this form to add a user.',
  fields: () => [
    { ...ACCOUNT_FIELD, label: 'The Jabber ID for the account to be added' },
    { var: 'password', type: 'text-private', label: 'The password for this account', required: true },
    { var: 'password-verify', type: 'text-private', label: 'Retype password', required: true },
  ],
  async run(core, request) {
    const account = accountOf(request);
    const { password, 'password-verify': again } = request.values;
    if (account === null) return failed('this is no address of a user');
    if (password !== again) return failed('the passwords are not the same');
    try {
      await core.accounts.create(account, String(password));
    } catch (error) {
      if (error instanceof AccountError) return failed(error.message);
      throw error;
    }
    return { note: { type: 'info', text: `Added: ${account}` } };
  },
};
