import {
  account,
  byteSize,
  componentIdentity,
  componentSettings,
  defineSettings,
  list,
  setting,
  sharedSettings,
} from '../../shared/settings/settings.js';

/** Settings of the vcard process. */
export const settings = defineSettings({
  ...sharedSettings,
  ...componentSettings,
  ...componentIdentity('VCARD', 'vcard'),
  VCARD_MAX_BYTES: setting(byteSize(1024), {
    description:
      'The largest vCard that is stored, in bytes of XML. A photo takes a third more than its file.',
    default: '512K',
  }),
  VCARD_ADMINS: setting(list(account), {
    description: "Accounts that may set the server's own vCard.",
    default: (read) => read('ADMINS') ?? '',
    defaultText: '`ADMINS`',
  }),
});
