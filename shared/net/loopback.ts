import { withoutMapping } from './mapped.js';

/** Whether an address is this machine's own: what comes from it has crossed no network. */
export function isLoopback(address: string): boolean {
  return address === '::1' || withoutMapping(address).startsWith('127.');
}
