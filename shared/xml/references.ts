/** Whether a packed entity name (see {@link packCharacter}) is one of XML §4.6's five. */
export function isPredefined(packed: number): boolean {
  return packed === LT || packed === GT || packed === AMP || packed === APOS || packed === QUOT;
}

/**
 * Adds the character at `index` to a name packed into a number, so that a reference costs no string. Only names of up to
 * four ASCII letters are predefined; anything else packs to a negative number.
 */
export function packCharacter(packed: number, index: number, c: number): number {
  return index < 4 && c < 0x80 && packed >= 0 ? packed * 128 + c : -1;
}

function pack(name: string): number {
  let packed = 0;
  for (let i = 0; i < name.length; i++) packed = packCharacter(packed, i, name.charCodeAt(i));
  return packed;
}
const LT = pack('lt');
const GT = pack('gt');
const AMP = pack('amp');
const APOS = pack('apos');
const QUOT = pack('quot');

/** The value of a hexadecimal digit; 99 for anything else. */
export function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : 99;
}
