import { type AdminCommand, resultOf } from './admin-command.js';
import { firstOf, limitOf, MAX_ITEMS_FIELD } from './user-lists.js';
import { idleUsers } from './users.js';

/** XEP-0133 §4.22. */
export const getIdleUsers: AdminCommand = {
  node: 'get-idle-users',
  name: 'Get List of Idle Users',
  title: 'Requesting List of Idle Users',
  instructions: 'Fill out this form to request the idle users of this service.',
  fields: () => [MAX_ITEMS_FIELD],
  run: async (core, request) =>
    resultOf(
      { var: 'idleuserjids', type: 'jid-multi', label: 'The list of idle users' },
      await firstOf(idleUsers(core), limitOf(request)),
    ),
};
