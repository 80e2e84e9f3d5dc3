import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

/** XEP-0133 §4.4. */
export const reenableUser: AdminCommand = {
  node: 'reenable-user',
  name: 'Re-Enable Users',
  title: 'Re-Enable a User',
  instructions: 'Fill out this form to re-enable a user.',
  fields: () => [{ ...ACCOUNTS_FIELD, label: 'The Jabber ID(s) to re-enable' }],
  run: (core, request) => forEachAccount(request, 'Enabled', (account) => core.accounts.enable(account)),
};
