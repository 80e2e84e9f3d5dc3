import { BlockList, isIP } from 'node:net';

/** Addresses and networks (`192.0.2.7`, `2001:db8::/32`) of a setting. */
export class AddressList {
  readonly #list = new BlockList();
  readonly size: number;

  /** Throws a RangeError that names what is no address. */
  constructor(entries: readonly string[]) {
    this.size = entries.length;
    for (const entry of entries) {
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
      const bits = prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix);
      if (isIP(address) === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 'ipv4' ? 32 : 128))
        throw new RangeError(`${entry} is neither an address nor a network`);
      this.#list.addSubnet(address, bits, family);
    }
  }

  has(address: string): boolean {
    if (this.size === 0) return false;
    // a socket for both families writes IPv4 so
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    const version = isIP(plain);
    return version !== 0 && this.#list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
}
