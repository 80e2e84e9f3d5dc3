import { type AdminCommand, failed, textsOf } from './admin-command.js';

/** XEP-0133 §4.27: for accounts that are made from now on, at their first log-in. */
export const setWelcome: AdminCommand = {
  node: 'set-welcome',
  name: 'Set Welcome Message',
  title: 'Setting Welcome Message',
  instructions: 'Fill out this form to set the welcome message for this service.',
  fields(core, { to }) {
    const lines = core.administration.notices.get('welcome', to.domain)?.lines;
    return [
      {
        var: 'welcome',
        type: 'text-multi',
        label: 'Welcome Message',
        required: true,
        ...(lines === undefined ? {} : { default: lines }),
      },
    ];
  },
  async run(core, request) {
    const lines = textsOf(request, 'welcome');
    if (lines.join('').trim() === '') return failed('there is nothing to say');
    await core.administration.notices.set('welcome', request.to.domain, lines);
    return {};
  },
};
