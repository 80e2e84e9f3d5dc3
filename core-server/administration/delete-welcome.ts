import { type AdminCommand, failed } from './admin-command.js';

/** XEP-0133 §4.28. */
export const deleteWelcome: AdminCommand = {
  node: 'delete-welcome',
  name: 'Delete Welcome Message',
  async run(core, request) {
    const was = await core.administration.notices.delete('welcome', request.to.domain);
    return was ? {} : failed('there is no welcome message');
  },
};
