import type { Element } from '../../shared/xml/element.js';
import { formatDateTime } from '../../shared/xmpp/datetime.js';
import { type FieldDeclaration, type FormDeclaration, valuesElement } from '../../shared/xmpp/forms.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { AccountError } from '../accounts/account-error.js';
import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

const LAST_LOGIN: FieldDeclaration = {
  var: 'lastlogin',
  type: 'text-single',
  label: 'The last login time of a user',
};

/** XEP-0133 §4.9, one form for each account. */
export const getUserLastLogin: AdminCommand = {
  node: 'get-user-lastlogin',
  name: 'Get User Last Login Time',
  title: "Getting a User's Last Login Time",
  instructions: "Fill out this form to get a user's last login time.",
  fields: () => [{ ...ACCOUNTS_FIELD, label: 'The Jabber ID(s) for which to retrieve the last login time' }],
  async run(core, request) {
    const payloads: Element[] = [];
    const outcome = await forEachAccount(request, 'Read', async (account) => {
      if (!(await core.accounts.exists(account))) throw new AccountError('not-found', 'no such account');
      const last = await core.administration.logIns.last(account);
      if (last === undefined) throw new AccountError('not-found', 'has never logged in');
      const form: FormDeclaration = { formType: NS.admin, fields: [ACCOUNTS_FIELD, LAST_LOGIN] };
      payloads.push(valuesElement(form, { accountjids: [account], lastlogin: formatDateTime(last) }));
    });
    return { ...outcome, payloads };
  },
};
