import type { Section } from './coven.js';
import { entering } from './entering.js';
import { entityUseCases } from './entity-use-cases.js';
import { occupantUseCases } from './occupant.js';

/** Every use case, in the order of the specification. */
export const sections: readonly Section[] = [...entityUseCases, ...entering, ...occupantUseCases];
