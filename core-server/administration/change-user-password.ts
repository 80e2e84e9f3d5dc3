import { jid } from '../../shared/xmpp/jid.js';
import { AccountError } from '../accounts/account-error.js';
import { ACCOUNT_FIELD, type AdminCommand, accountOf, failed } from './admin-command.js';

/** XEP-0133 §4.7. As with the operator's command, whoever was logged in with the old password is not any more. */
export const changeUserPassword: AdminCommand = {
  node: 'change-user-password',
  name: 'Change a User’s Password',
  title: 'Changing a User Password',
  instructions: "Fill out this form to change a user's password.",
  fields: () => [
    { ...ACCOUNT_FIELD, label: 'The Jabber ID for this account' },
    { var: 'password', type: 'text-private', label: 'The password for this account', required: true },
  ],
  async run(core, request) {
    const account = accountOf(request);
    if (account === null) return failed('this is no address of a user');
    try {
      await core.accounts.setPassword(account, String(request.values['password']));
    } catch (error) {
      if (error instanceof AccountError) return failed(error.message);
      throw error;
    }
    const state = core.directory.peek(jid(account));
    // an administrator who changes his own password wants to read this answer
    const own = state?.session(request.from.resource);
    if (state !== undefined) {
      core.sessions.endAll(
        state,
        'not-authorized',
        'the password was changed',
        account === request.from.bare ? own : undefined,
      );
    }
    return { note: { type: 'info', text: `Changed: ${account}` } };
  },
};
