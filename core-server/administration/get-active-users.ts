import { type AdminCommand, resultOf } from './admin-command.js';
import { firstOf, limitOf, MAX_ITEMS_FIELD } from './user-lists.js';
import { activeUsers } from './users.js';

/** XEP-0133 §4.21. */
export const getActiveUsers: AdminCommand = {
  node: 'get-active-users',
  name: 'Get List of Active Users',
  title: 'Requesting List of Active Users',
  instructions: 'Fill out this form to request the active users of this service.',
  fields: () => [MAX_ITEMS_FIELD],
  run: async (core, request) =>
    resultOf(
      { var: 'activeuserjids', type: 'jid-multi', label: 'The list of active users' },
      await firstOf(activeUsers(core), limitOf(request)),
    ),
};
