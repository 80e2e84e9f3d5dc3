import { isIPv6 } from 'node:net';
import { withoutMapping } from './mapped.js';

/**
 * What counts as one place in limits per address: an IPv4 address, or the /64 of an IPv6 one, of which any subscriber
 * has 2^64 addresses.
 */
export function networkOf(address: string): string {
  const plain = withoutMapping(address);
  const [bare = ''] = plain.split('%', 1);
  if (!isIPv6(bare)) return plain;
  const [head = '', tail] = bare.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
