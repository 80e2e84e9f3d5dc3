import { BlockList, isIP } from 'node:net';
import { withoutMapping } from './mapped.js';

/** Addresses and networks (`192.0.2.7`, `2001:db8::/32`) of a setting. */
export class AddressList {
  readonly #list = new BlockList();
  readonly size: number;

  /** Throws a RangeError that names what is no address. */
  constructor(entries: readonly string[]) {
    this.size = entries.length;
    for (const entry of entries) {
      const [address = '', prefix, ...rest] = entry.split('/');
      const version = isIP(address);
      const longest = version === 4 ? 32 : 128;
      const bits = prefix === undefined ? longest : /^\d+$/.test(prefix) ? Number(prefix) : Number.NaN;
      if (version === 0 || !(bits <= longest) || rest.length > 0)
        throw new RangeError(`${entry} is not an address or a network`);
      this.#list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
    }
  }

  has(address: string): boolean {
    if (this.size === 0) return false;
    const plain = withoutMapping(address);
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
}
