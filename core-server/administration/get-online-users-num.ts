import { type AdminCommand, resultOf } from './admin-command.js';
import { countOf } from './user-lists.js';
import { onlineUsers } from './users.js';

/** XEP-0133 §4.15. */
export const getOnlineUsersNum: AdminCommand = {
  node: 'get-online-users-num',
  name: 'Get Number of Online Users',
  run: async (core) =>
    resultOf(
      { var: 'onlineusersnum', type: 'text-single', label: 'The number of online users' },
      await countOf(onlineUsers(core)),
    ),
};
