import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

/** XEP-0133 §4.4. */
export const reenableUser: AdminCommand = {
  node: 'reenable-user',
  name: 'Re-Enable Users',
  fields: () => [ACCOUNTS_FIELD],
  run: (core, request) => forEachAccount(request, 'Enabled', (account) => core.accounts.enable(account)),
};
