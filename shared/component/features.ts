import type { FeatureDeclaration } from '../docs/declarations.js';
import { LINK_METRICS } from './metrics.js';

/** What every component does by running on this runtime: spread into the `features` of its `features.ts`. */
export const runtimeFeatures: readonly FeatureDeclaration[] = [
  {
    name: 'component-stream',
    xeps: [{ id: '0114', version: '1.6', note: '`jabber:component:accept`, optionally inside TLS.' }],
    metrics: LINK_METRICS,
  },
  { name: 'component-disco', xeps: [{ id: '0030', version: '2.5.0' }] },
  { name: 'component-version', xeps: [{ id: '0092', version: '1.1' }] },
  { name: 'component-ping', xeps: [{ id: '0199', version: '2.0.1' }] },
  { name: 'component-time', xeps: [{ id: '0202', version: '2.0' }] },
];

/** For components that act for the server. */
export const delegationFeature: FeatureDeclaration = {
  name: 'namespace-delegation',
  xeps: [
    {
      id: '0355',
      version: '0.5',
      status: 'partial',
      note: 'Admin mode, generations :2 and :1; inner errors travel inside an outer result.',
    },
  ],
};
export const privilegeFeature: FeatureDeclaration = {
  name: 'privileged-entity',
  xeps: [{ id: '0356', version: '0.4.1', note: 'Generations :2 and :1.' }],
};
