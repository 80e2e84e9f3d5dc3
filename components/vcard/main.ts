import { runComponent } from '../../shared/component/process.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { settings } from './settings.js';
import { composeVcard } from './vcard.js';

await runComponent({
  name: 'vcard',
  definition: settings,
  expect: { delegations: [NS.vcard] },
  compose({ component, storage, settings: values }) {
    composeVcard(component, storage, { admins: values.VCARD_ADMINS, maxBytes: values.VCARD_MAX_BYTES });
    return undefined;
  },
});
