import { isUtf8 } from 'node:buffer';

/** How far bytes are valid UTF-8, and why the rest is not. */
interface Utf8Prefix {
  /** Length in bytes of the longest prefix made of complete, valid sequences. */
  readonly length: number;
  /** True where what follows the prefix can never become valid (RFC 3629 §4), whatever comes. */
  readonly invalid: boolean;
}

/** Splits bytes into complete valid UTF-8 and a rest that is either the beginning of a sequence or invalid. */
export function utf8Prefix(bytes: Uint8Array): Utf8Prefix {
  const cut = bytes.length - unfinishedLength(bytes);
  if (isUtf8(cut === bytes.length ? bytes : bytes.subarray(0, cut))) {
    return cut === bytes.length ? { length: cut, invalid: false } : walk(bytes, cut);
  }
  return walk(bytes, 0);
}

/** Bytes at the end (0 to 3) that look like a sequence whose end has not come yet. */
function unfinishedLength(bytes: Uint8Array): number {
  const length = bytes.length;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? back : 0;
    }
  }
  return 0;
}

/** The table of RFC 3629 §4, a byte at a time. */
function walk(bytes: Uint8Array, from: number): Utf8Prefix {
  let at = from;
  while (at < bytes.length) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      at++;
      continue;
    }
    if (lead < 0xc2 || lead > 0xf4) return { length: at, invalid: true };
    const needed = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    for (let next = 1; next < needed; next++) {
      const byte = bytes[at + next];
      if (byte === undefined) return { length: at, invalid: false };
      if (byte < low || byte > high) return { length: at, invalid: true };
      low = 0x80;
      high = 0xbf;
    }
    at += needed;
  }
  return { length: at, invalid: false };
}
