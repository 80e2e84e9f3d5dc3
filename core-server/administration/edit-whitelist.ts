import { parseJid } from '../../shared/xmpp/jid.js';
import { type AdminCommand, failed, textsOf } from './admin-command.js';
import { matches } from './entity-lists.js';

/** XEP-0133 §4.12, in both directions. This server's own accounts and components need not be on it; empty: everybody. */
export const editWhitelist: AdminCommand = {
  node: 'edit-whitelist',
  name: 'Edit Whitelist',
  title: 'Editing the Whitelist',
  instructions: 'Fill out this form to edit the list of entities with whom communications are allowed.',
  fields: (core) => [
    {
      var: 'whitelistjids',
      type: 'jid-multi',
      label: 'The whitelist',
      default: core.administration.lists.white,
    },
  ],
  async run(core, request) {
    const jids = textsOf(request, 'whitelistjids');
    const list = new Set(jids);
    // an administrator elsewhere must still be able to undo this
    const shutOut = core.admins.all.find((text) => {
      const jid = parseJid(text);
      return list.size > 0 && jid !== null && !core.router.serves(jid.domain) && !matches(list, jid);
    });
    if (shutOut !== undefined) return failed(`${shutOut} is an administrator, and not on the list`);
    await core.administration.edit('white', jids);
    return {};
  },
};
