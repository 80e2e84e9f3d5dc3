import { type AdminCommand, resultOf } from './admin-command.js';
import { countOf } from './user-lists.js';
import { registeredUsers } from './users.js';

/** XEP-0133 §4.13. */
export const getRegisteredUsersNum: AdminCommand = {
  node: 'get-registered-users-num',
  name: 'Get Number of Registered Users',
  run: async (core) =>
    resultOf(
      { var: 'registeredusersnum', type: 'text-single', label: 'The number of registered users' },
      await countOf(registeredUsers(core)),
    ),
};
