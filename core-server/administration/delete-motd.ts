import { type AdminCommand, failed } from './admin-command.js';

/** XEP-0133 §4.26. */
export const deleteMotd: AdminCommand = {
  node: 'delete-motd',
  name: 'Delete Message of the Day',
  async run(core, request) {
    const was = await core.administration.notices.delete('motd', request.to.domain);
    return was ? {} : failed('there is no message of the day');
  },
};
