import { parseJid } from '../../shared/xmpp/jid.js';
import { type AdminCommand, failed, textsOf } from './admin-command.js';

/** XEP-0133 §4.29: those of the setting ADMINS stay, whatever is submitted. */
export const editAdmin: AdminCommand = {
  node: 'edit-admin',
  name: 'Edit Admin List',
  title: 'Editing the Admin List',
  instructions: 'Fill out this form to edit the list of entities who have administrative privileges.',
  fields: (core) => [
    { var: 'adminjids', type: 'jid-multi', label: 'The admin list', default: core.admins.all },
  ],
  async run(core, request) {
    const wanted = new Set(textsOf(request, 'adminjids').map((text) => parseJid(text)?.bare ?? text));
    if (![...wanted].every((bare) => parseJid(bare)?.local))
      return failed('not every one is the address of a user');
    if (!wanted.has(request.from.bare)) return failed('you would not be an administrator any more');
    const { fixed } = core.admins;
    await core.administration.edit(
      'admins',
      [...wanted].filter((bare) => !fixed.has(bare)),
    );
    const staying = [...fixed].filter((bare) => !wanted.has(bare));
    if (staying.length === 0) return {};
    return {
      note: { type: 'warn', text: `named by the setting ADMINS, and therefore still: ${staying.join(', ')}` },
    };
  },
};
