import { digestMd5 } from './digest-md5.js';
import { external } from './external.js';
import type { SaslMechanism } from './mechanism.js';
import { plain } from './plain.js';
import { scram } from './scram.js';

/** Every mechanism, in the order in which they are offered: EXTERNAL first (RFC 6120 §6.3.4), then the strongest. */
export const SASL_MECHANISMS: readonly SaslMechanism[] = [
  external,
  scram('SHA-256', true),
  scram('SHA-1', true),
  scram('SHA-256', false),
  scram('SHA-1', false),
  digestMd5,
  plain,
];
