import { type AdminCommand, resultOf } from './admin-command.js';
import { countOf } from './user-lists.js';
import { idleUsers } from './users.js';

/** XEP-0133 §4.17. */
export const getIdleUsersNum: AdminCommand = {
  node: 'get-idle-users-num',
  name: 'Get Number of Idle Users',
  run: async (core) =>
    resultOf(
      { var: 'idleusersnum', type: 'text-single', label: 'The number of idle users' },
      await countOf(idleUsers(core)),
    ),
};
