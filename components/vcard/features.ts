import { delegationFeature, runtimeFeatures } from '../../shared/component/features.js';

/** What this process implements, for the generated documents. */
export const features = [
  ...runtimeFeatures,
  delegationFeature,
  { name: 'vcard-temp', xeps: [{ id: '0054', version: '1.3.0' }] },
];
