import { EXIT } from '../../shared/cli/exit-codes.js';
import { runComponent } from '../../shared/component/process.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { composePrivacy } from './privacy.js';
import { settings } from './settings.js';

await runComponent({
  name: 'privacy',
  definition: settings,
  expect: { delegations: [NS.privacy, NS.blocking] },
  async compose({ component, storage, settings: values, setReadiness }) {
    await composePrivacy(component, storage, {
      allowUnenforced: values.ALLOW_UNENFORCED,
      maxLists: values.PRIVACY_MAX_LISTS,
      maxItems: values.PRIVACY_MAX_ITEMS,
      setReadiness,
      refuse: (reason) => {
        component.log.error({ code: 'privacy.cannot-enforce' }, reason);
        setReadiness({ ready: false, reason });
        // drains and stops as always, but as a failure
        process.once('exit', () => {
          process.exitCode = EXIT.failed;
        });
        process.kill(process.pid, 'SIGTERM');
      },
    });
    return undefined;
  },
});
