import { digest } from '../accounts/credentials.js';
import type { ScramHash } from '../accounts/password-hasher.js';
import type { SaslOffer } from './mechanism.js';

/** The `h` attribute of a server-first-message: what was offered, so that a client sees changes (XEP-0474). */
export function downgradeHash(hash: ScramHash, { mechanisms, channelBindings }: SaslOffer): string {
  let text = sorted(mechanisms);
  if (channelBindings.length > 0) text += `\x1f${sorted(channelBindings)}`;
  return digest(hash, Buffer.from(text)).toString('base64');
}

/** All are ASCII: the order of code units is the `i;octet` collation. */
const sorted = (names: readonly string[]) => [...names].sort().join('\x1e');
