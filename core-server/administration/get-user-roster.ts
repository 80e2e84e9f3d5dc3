import { type Element, xml } from '../../shared/xml/element.js';
import { type FormDeclaration, valuesElement } from '../../shared/xmpp/forms.js';
import { jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { AccountError } from '../accounts/account-error.js';
import type { Core } from '../core.js';
import { itemElement } from '../roster/roster-service.js';
import type { AccountState } from '../sessions/account-state.js';
import { ACCOUNTS_FIELD, type AdminCommand, forEachAccount } from './admin-command.js';

/** XEP-0133 §4.8: the roster within the result's form, one form for each account. */
export const getUserRoster: AdminCommand = {
  node: 'get-user-roster',
  name: 'Get User Rosters',
  title: "Getting a User's Roster",
  instructions: "Fill out this form to get a user's roster.",
  fields: () => [{ ...ACCOUNTS_FIELD, label: 'The Jabber ID(s) for which to retrieve the roster' }],
  async run(core, request) {
    const payloads: Element[] = [];
    const outcome = await forEachAccount(request, 'Read', async (account) => {
      const state = await loadedAccount(core, account);
      if (!state.exists) throw new AccountError('not-found', 'no such account');
      const form: FormDeclaration = { formType: NS.admin, fields: [ACCOUNTS_FIELD] };
      const result = valuesElement(form, { accountjids: [account] });
      const items = [...state.roster.items.values()].map(itemElement);
      result.append(xml('query', { xmlns: NS.roster }, ...items));
      payloads.push(result);
    });
    return { ...outcome, payloads };
  },
};

/** An account as it is in memory, loaded where it is not. */
export function loadedAccount(core: Core, account: string): Promise<AccountState> {
  return new Promise((resolve, reject) => core.directory.with(jid(account), resolve, reject));
}
