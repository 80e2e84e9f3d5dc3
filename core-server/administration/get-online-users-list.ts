import { type AdminCommand, resultOf } from './admin-command.js';
import { firstOf, limitOf, MAX_ITEMS_FIELD } from './user-lists.js';
import { onlineUsers } from './users.js';

/** XEP-0133 §4.20. */
export const getOnlineUsersList: AdminCommand = {
  node: 'get-online-users-list',
  name: 'Get List of Online Users',
  title: 'Requesting List of Online Users',
  instructions: 'Fill out this form to request the online users of this service.',
  fields: () => [MAX_ITEMS_FIELD],
  run: async (core, request) =>
    resultOf(
      { var: 'onlineuserjids', type: 'jid-multi', label: 'The list of all online users' },
      await firstOf(onlineUsers(core), limitOf(request)),
    ),
};
