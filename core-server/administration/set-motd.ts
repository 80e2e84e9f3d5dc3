import type { FieldDeclaration } from '../../shared/xmpp/forms.js';
import type { CommandRequest } from '../commands/command-registry.js';
import type { Core } from '../core.js';
import { type AdminCommand, failed, textsOf } from './admin-command.js';

export const motdField = (core: Core, { to }: Pick<CommandRequest, 'to'>): FieldDeclaration => {
  const lines = core.administration.notices.get('motd', to.domain)?.lines;
  return {
    var: 'motd',
    type: 'text-multi',
    label: 'Message of the Day',
    required: true,
    ...(lines === undefined ? {} : { default: lines }),
  };
};

/** XEP-0133 §4.24: to who is online at once, to everybody else at the next log-in, to each once. */
export const setMotd: AdminCommand = {
  node: 'set-motd',
  name: 'Set Message of the Day',
  title: 'Setting the Message of the Day',
  instructions: 'Fill out this form to set the message of the day.',
  fields: (core, request) => {
    const { default: _, ...field } = motdField(core, request);
    return [field];
  },
  async run(core, request) {
    const lines = textsOf(request, 'motd');
    if (lines.join('').trim() === '') return failed('there is nothing to say');
    const { notices } = core.administration;
    await notices.set('motd', request.to.domain, lines);
    let count = 0;
    for (const account of core.directory.online()) {
      const [session] = account.jid.domain === request.to.domain ? account.availableSessions() : [];
      if (session === undefined) continue;
      await notices.tell(session);
      count++;
    }
    return { note: { type: 'info', text: `Set; told to ${count} who are online` } };
  },
};
