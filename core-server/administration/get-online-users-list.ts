import { type AdminCommand, resultOf } from './admin-command.js';
import { firstOf, limitOf, MAX_ITEMS_FIELD } from './user-lists.js';
import { onlineUsers } from './users.js';

/** XEP-0133 §4.20. */
export const getOnlineUsersList: AdminCommand = {
  node: 'get-online-users-list',
  name: 'Get List of Online Users',
  fields: () => [MAX_ITEMS_FIELD],
  run: async (core, request) =>
    resultOf(
      { var: 'onlineuserjids', type: 'jid-multi', label: 'The list of online users' },
      await firstOf(onlineUsers(core), limitOf(request)),
    ),
};
