import {
  boolean,
  componentIdentity,
  componentSettings,
  defineSettings,
  integer,
  setting,
  sharedSettings,
} from '../../shared/settings/settings.js';

/** Settings of the privacy process. */
export const settings = defineSettings({
  ...sharedSettings,
  ...componentSettings,
  ...componentIdentity('PRIVACY', 'privacy'),
  PRIVACY_MAX_LISTS: setting(integer(1), { description: 'Privacy lists of one account.', default: 50 }),
  PRIVACY_MAX_ITEMS: setting(integer(1), {
    description: 'Items of one privacy list, blocked contacts included.',
    default: 5000,
  }),
  ALLOW_UNENFORCED: setting(boolean, {
    description:
      'Serve lists although the server cannot enforce them (it does not speak the privacy enforcement protocol).',
    default: false,
  }),
});
