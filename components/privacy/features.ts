import { delegationFeature, privilegeFeature, runtimeFeatures } from '../../shared/component/features.js';
import type { FeatureDeclaration } from '../../shared/docs/declarations.js';

/** What the privacy process implements. */
export const features: readonly FeatureDeclaration[] = [
  ...runtimeFeatures,
  delegationFeature,
  privilegeFeature,
  { name: 'privacy-lists', xeps: [{ id: '0016', version: '1.7', note: 'Enforced by the core.' }] },
  { name: 'blocking-command', xeps: [{ id: '0191', version: '1.3', note: 'Enforced by the core.' }] },
];
