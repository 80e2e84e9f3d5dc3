import { prepareResource } from '../../shared/xmpp/jid.js';

/** RFC 7622 §3.4: octets of a resourcepart. */
const OCTETS = 1023;

/**
 * The resourcepart that a client asked for, or, where that cannot be one, what is left of it without what is not allowed
 * (RFC 6120 §7.7.2.1). Null when nothing is left.
 */
export function conformingResource(wanted: string): string | null {
  const prepared = prepareResource(wanted);
  if (prepared !== null) return prepared;
  let kept = '';
  let octets = 0;
  for (const each of wanted) {
    // a space cannot begin one, so it is not allowed by itself
    const character = /\p{Zs}/u.test(each) ? ' ' : each;
    if (character === ' ' ? kept === '' : prepareResource(character) === null) continue;
    octets += Buffer.byteLength(character);
    if (octets > OCTETS) break;
    kept += character;
  }
  return prepareResource(kept);
}
