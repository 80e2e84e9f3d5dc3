import { isIP } from 'node:net';

/** What the beginning of a connection says about its client (PROXY protocol, versions 1 and 2). */
type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'wrong' }
  /** `address` is null where the proxy speaks for itself (health checks). */
  | { readonly kind: 'whole'; readonly address: string | null; readonly length: number };

const SIGNATURE_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const BEGIN_1 = Buffer.from('PROXY ', 'latin1');
const LONGEST_1 = 107;
const LONGEST_2 = 16 + 2048;

/** Reads the header at the beginning of `bytes`, as far as they have come. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, SIGNATURE_2)) return readBinary(bytes);
  if (begins(bytes, BEGIN_1)) return readText(bytes);
  return { kind: 'wrong' };
}

/** Whether one is the beginning of the other. */
function begins(bytes: Buffer, wanted: Buffer): boolean {
  const length = Math.min(bytes.length, wanted.length);
  return bytes.subarray(0, length).equals(wanted.subarray(0, length));
}

/** `PROXY TCP4 198.51.100.7 203.0.113.1 40000 5222` and CRLF. */
function readText(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LONGEST_1).indexOf('\r\n');
  if (end < 0) return bytes.length >= LONGEST_1 ? { kind: 'wrong' } : { kind: 'incomplete' };
  const [, family, address = ''] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (family === 'UNKNOWN') return { kind: 'whole', address: null, length };
  const wanted = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1;
  return isIP(address) === wanted ? { kind: 'whole', address, length } : { kind: 'wrong' };
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return { kind: 'incomplete' };
  const length = 16 + bytes.readUInt16BE(14);
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  if (command >> 4 !== 2 || length > LONGEST_2) return { kind: 'wrong' };
  if (bytes.length < length) return { kind: 'incomplete' };
  // LOCAL, or a family that says nothing: the connection is the proxy's own
  if ((command & 15) === 0 || family === 0) return { kind: 'whole', address: null, length };
  if ((command & 15) !== 1) return { kind: 'wrong' };
  if (family === 0x11 && length >= 28)
    return { kind: 'whole', address: [...bytes.subarray(16, 20)].join('.'), length };
  if (family === 0x21 && length >= 52) {
    const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(16 + 2 * group).toString(16));
    return { kind: 'whole', address: groups.join(':'), length };
  }
  return { kind: 'wrong' };
}
