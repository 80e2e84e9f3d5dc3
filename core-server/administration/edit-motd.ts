import { type AdminCommand, failed, textsOf } from './admin-command.js';
import { motdField } from './set-motd.js';

/** XEP-0133 §4.25: a correction, which those who have had the message do not get. */
export const editMotd: AdminCommand = {
  node: 'edit-motd',
  name: 'Edit Message of the Day',
  title: 'Editing the Message of the Day',
  instructions: 'Fill out this form to edit the message of the day.',
  fields: (core, request) => [motdField(core, request)],
  async run(core, request) {
    const lines = textsOf(request, 'motd');
    if (lines.join('').trim() === '') return failed('there is nothing to say');
    await core.administration.notices.set('motd', request.to.domain, lines, true);
    return {};
  },
};
