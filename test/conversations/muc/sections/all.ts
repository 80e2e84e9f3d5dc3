import { adminUseCases } from './administrator.js';
import { avatars } from './avatars.js';
import type { Section } from './coven.js';
import { edges } from './edges.js';
import { entering } from './entering.js';
import { entityUseCases } from './entity-use-cases.js';
import { moderatorUseCases } from './moderator.js';
import { occupantUseCases } from './occupant.js';
import { ownerUseCases } from './owner.js';

/** Every use case, in the order of the specification. */
export const sections: readonly Section[] = [
  ...entityUseCases,
  ...entering,
  ...occupantUseCases,
  ...moderatorUseCases,
  ...adminUseCases,
  ...ownerUseCases,
  ...edges,
  ...avatars,
];
