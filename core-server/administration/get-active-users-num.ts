import { type AdminCommand, resultOf } from './admin-command.js';
import { countOf } from './user-lists.js';
import { activeUsers } from './users.js';

/** XEP-0133 §4.16. */
export const getActiveUsersNum: AdminCommand = {
  node: 'get-active-users-num',
  name: 'Get Number of Active Users',
  run: async (core) =>
    resultOf(
      { var: 'activeusersnum', type: 'text-single', label: 'The number of active users' },
      await countOf(activeUsers(core)),
    ),
};
