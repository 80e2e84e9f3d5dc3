/** Lists of one stream that a server keeps (docs/protocols/address-lists.md), by the numbers from 0 on. */
export const LISTS_KEPT = 4096;
/** Addresses in all of them together. */
export const ADDRESSES_KEPT = 100_000;
