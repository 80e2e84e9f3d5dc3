/** One element of a DER encoding (X.690): its identifier octet and where its contents are. */
export interface DerElement {
  /** The identifier octet: class, constructed bit and (low) tag number. */
  readonly tag: number;
  readonly contents: Buffer;
}

/** What is not DER, or not what the caller expects. */
export class DerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DerError';
  }
}

export const DER = {
  integer: 0x02,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  ia5String: 0x16,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
  /** Context-specific, primitive. */
  context: (number: number) => 0x80 | number,
  /** Context-specific, constructed. */
  contextConstructed: (number: number) => 0xa0 | number,
} as const;

/** The elements that `contents` consists of. Throws a {@link DerError}. */
export function readDer(contents: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < contents.length) {
    const tag = octet(contents, at);
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number of several octets'); // X.509 has none
    let length = octet(contents, at + 1);
    at += 2;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 4 || at + octets > contents.length) throw new DerError('bad length');
      length = contents.readUIntBE(at, octets);
      at += octets;
    }
    if (at + length > contents.length) throw new DerError('an element ends outside of its parent');
    elements.push({ tag, contents: contents.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

/** The elements inside of the one element that `encoding` is, which must have this tag. */
export function readConstructed(encoding: Buffer | DerElement | undefined, tag: number): DerElement[] {
  const element = Buffer.isBuffer(encoding) ? readDer(encoding)[0] : encoding;
  if (element?.tag !== tag) throw new DerError(`expected tag ${tag.toString(16)}`);
  return readDer(element.contents);
}

/** `1.3.6.1.5.5.7.8.5` from the contents of an object identifier. */
export function objectIdentifier(element: DerElement | undefined): string {
  if (element?.tag !== DER.objectIdentifier) throw new DerError('expected an object identifier');
  const arcs: number[] = [];
  let arc = 0;
  for (const part of element.contents) {
    arc = arc * 128 + (part & 0x7f);
    if (part < 0x80) {
      if (arcs.length === 0) {
        const first = Math.min(Math.floor(arc / 40), 2);
        arcs.push(first, arc - first * 40);
      } else arcs.push(arc);
      arc = 0;
    }
  }
  return arcs.join('.');
}

function octet(contents: Buffer, at: number): number {
  const value = contents[at];
  if (value === undefined) throw new DerError('the encoding ends too early');
  return value;
}
