import { parseJid } from '../../shared/xmpp/jid.js';
import type { Core } from '../core.js';
import { type AdminCommand, failed, textsOf } from './admin-command.js';
import { matches } from './entity-lists.js';

/** XEP-0133 §4.11, in both directions. */
export const editBlacklist: AdminCommand = {
  node: 'edit-blacklist',
  name: 'Edit Blacklist',
  title: 'Editing the Blacklist',
  instructions: 'Fill out this form to edit the list of entities with whom communications are disallowed.',
  fields: (core) => [
    {
      var: 'blacklistjids',
      type: 'jid-multi',
      label: 'The blacklist',
      default: core.administration.lists.black,
    },
  ],
  async run(core, request) {
    const jids = textsOf(request, 'blacklistjids');
    const indispensable = indispensableOf(core, new Set(jids));
    if (indispensable !== undefined) return failed(`${indispensable} cannot be blocked`);
    await core.administration.edit('black', jids);
    return {};
  },
};

/** This server cannot block itself, nor those who could undo it. */
function indispensableOf(core: Core, list: ReadonlySet<string>): string | undefined {
  return [...core.domains, ...core.admins.all].find((text) => {
    const jid = parseJid(text);
    return jid !== null && matches(list, jid);
  });
}
