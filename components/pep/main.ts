import { setFlagsFromString } from 'node:v8';
import { runComponent } from '../../shared/component/process.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { composePep } from './pep.js';
import { settings } from './settings.js';

// When everyone logs in at once nearly all that is read is garbage soon, and V8 would let twice what is kept pile up before
// it looks. It looks when the old generation has grown by this much, in per cent; unlike a bound on the heap that can
// never end the process.
setFlagsFromString('--heap-growing-percent=30');

await runComponent({
  name: 'pep',
  definition: settings,
  expect: { delegations: [NS.pubsub, NS.pubsubOwner], privileges: true },
  async compose({ component, storage, settings: values }) {
    const pep = await composePep(component, storage, {
      nodesPerAccount: values.PEP_MAX_NODES,
      itemsPerNode: values.PEP_MAX_ITEMS,
      payloadBytes: values.PEP_MAX_PAYLOAD_BYTES,
      nodeBytes: values.PEP_MAX_NODE_BYTES,
      subscriptionsPerNode: values.PEP_MAX_SUBSCRIPTIONS,
    });
    return { drain: () => pep.stop() };
  },
});
