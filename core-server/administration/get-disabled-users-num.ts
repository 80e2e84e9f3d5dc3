import { type AdminCommand, resultOf } from './admin-command.js';
import { countOf } from './user-lists.js';
import { disabledUsers } from './users.js';

/** XEP-0133 §4.14. */
export const getDisabledUsersNum: AdminCommand = {
  node: 'get-disabled-users-num',
  name: 'Get Number of Disabled Users',
  run: async (core) =>
    resultOf(
      { var: 'disabledusersnum', type: 'text-single', label: 'The number of disabled users' },
      await countOf(disabledUsers(core)),
    ),
};
