import { delegationFeature, privilegeFeature, runtimeFeatures } from '../../shared/component/features.js';
import { PEP_METRICS } from './metrics.js';

/** What this process implements, for the generated documents. */
export const features = [
  ...runtimeFeatures,
  delegationFeature,
  privilegeFeature,
  {
    name: 'pep',
    xeps: [
      {
        id: '0060',
        version: '1.30.0',
        status: 'partial',
        note: 'Leaf nodes of accounts; see docs/conformance/xep-0060.md.',
      },
      { id: '0163', version: '1.2.2', status: 'complete' },
      { id: '0115', version: '1.6.0', note: 'Reads and proves hashes for `+notify`.' },
      { id: '0033', version: '1.2.1', status: 'partial', note: '`replyto` in notifications.' },
      { id: '0059', version: '1.0' },
      { id: '0223', version: '1.1.1', note: 'By publish-options.' },
      { id: '0222', version: '1.0' },
      { id: '0398', version: '1.0.0', note: 'Needs the privilege iq:vcard-temp=both.' },
    ],
    metrics: PEP_METRICS,
  },
] as const;
