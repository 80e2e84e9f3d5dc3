import { type AdminCommand, resultOf } from './admin-command.js';
import { firstOf, limitOf, MAX_ITEMS_FIELD } from './user-lists.js';
import { registeredUsers } from './users.js';

/** XEP-0133 §4.18. */
export const getRegisteredUsersList: AdminCommand = {
  node: 'get-registered-users-list',
  name: 'Get List of Registered Users',
  title: 'Requesting List of Registered Users',
  instructions: 'Fill out this form to request the registered users of this service.',
  fields: () => [MAX_ITEMS_FIELD],
  run: async (core, request) =>
    resultOf(
      { var: 'registereduserjids', type: 'jid-multi', label: 'The list of all users' },
      await firstOf(registeredUsers(core), limitOf(request)),
    ),
};
