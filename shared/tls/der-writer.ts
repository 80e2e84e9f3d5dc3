/** Writing of DER (X.690), as much as certificates need. */

/** One element: identifier octet, length, contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOctets(body.length), body]);
}

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.of(0x80 | octets.length, ...octets);
}

export const derSequence = (...contents: readonly Uint8Array[]): Buffer => der(0x30, ...contents);
export const derSet = (...contents: readonly Uint8Array[]): Buffer => der(0x31, ...contents);
export const derOctets = (contents: Uint8Array): Buffer => der(0x04, contents);
export const derUtf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
export const derIa5 = (text: string, tag = 0x16): Buffer => der(tag, Buffer.from(text, 'ascii'));
export const derTrue = (): Buffer => der(0x01, Buffer.of(0xff));

/** Bits that fill whole octets, or lack `unused` bits in the last. */
export const derBits = (contents: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.of(unused), contents);

/** A number that is not negative, big-endian. */
export function derInteger(value: Uint8Array): Buffer {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start++;
  const digits = value.subarray(start);
  return ((digits[0] ?? 0) & 0x80) === 0 ? der(0x02, digits) : der(0x02, Buffer.of(0), digits);
}

/** `1.3.6.1.5.5.7.8.5`. */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second];
  for (const number of rest) {
    const group = [number & 0x7f];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      group.unshift((left & 0x7f) | 0x80);
    octets.push(...group);
  }
  return der(0x06, Buffer.from(octets));
}

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function derTime(time: Date): Buffer {
  const text = `${time.toISOString().replace(/[-:T]|\.\d+/g, '')}`;
  return time.getUTCFullYear() < 2050 ? derIa5(text.slice(2), 0x17) : derIa5(text, 0x18);
}
