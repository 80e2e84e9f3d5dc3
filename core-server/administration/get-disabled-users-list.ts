import { type AdminCommand, resultOf } from './admin-command.js';
import { firstOf, limitOf, MAX_ITEMS_FIELD } from './user-lists.js';
import { disabledUsers } from './users.js';

/** XEP-0133 §4.19. */
export const getDisabledUsersList: AdminCommand = {
  node: 'get-disabled-users-list',
  name: 'Get List of Disabled Users',
  title: 'Requesting List of Disabled Users',
  instructions: 'Fill out this form to request the disabled users of this service.',
  fields: () => [MAX_ITEMS_FIELD],
  run: async (core, request) =>
    resultOf(
      { var: 'disableduserjids', type: 'jid-multi', label: 'The list of all disabled users' },
      await firstOf(disabledUsers(core), limitOf(request)),
    ),
};
