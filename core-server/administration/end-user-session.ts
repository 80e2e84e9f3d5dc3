import { parseJid } from '../../shared/xmpp/jid.js';
import { AccountError } from '../accounts/account-error.js';
import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

/** XEP-0133 §4.5: a bare JID ends all sessions of the user, a full JID only that one. */
export const endUserSession: AdminCommand = {
  node: 'end-user-session',
  name: 'End User Sessions',
  title: 'Ending a User Session',
  instructions: "Fill out this form to end a user's session.",
  fields: () => [{ ...ACCOUNTS_FIELD, label: 'The Jabber ID(s) for which to end sessions' }],
  run: (core, request) =>
    forEachAccount(request, 'Ended', async (_account, text) => {
      const jid = parseJid(text);
      const state = jid === null ? undefined : core.directory.peek(jid);
      const sessions = (state?.sessions ?? []).filter(
        (session) => jid?.isBare || session.jid.resource === jid?.resource,
      );
      if (state === undefined || sessions.length === 0)
        throw new AccountError('not-found', 'no such session');
      for (const session of sessions)
        core.sessions.endOne(session, 'policy-violation', 'ended by an administrator');
    }),
};
