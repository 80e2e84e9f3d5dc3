import { DER, type DerElement, DerError, objectIdentifier, readConstructed, readDer } from './der.js';

/** The parts of an X.509 certificate that Node does not show in full (RFC 5280 §4.1). */
interface CertificateFields {
  /** AlgorithmIdentifier of the signature: object identifier and parameters. */
  readonly signatureAlgorithm: { readonly oid: string; readonly parameters: DerElement | undefined };
  /** Attributes of the subject by object identifier, in their order. */
  readonly subject: readonly { readonly oid: string; readonly text: string }[];
  /** GeneralNames of the subjectAltName extension. */
  readonly alternativeNames: readonly DerElement[];
}

const SUBJECT_ALT_NAME = '2.5.29.17';

/** Reads a certificate's DER. Throws a `DerError`. */
export function readCertificate(der: Buffer): CertificateFields {
  const [tbsCertificate, algorithm] = readConstructed(der, DER.sequence);
  const fields = readConstructed(tbsCertificate, DER.sequence);
  if (fields[0]?.tag === DER.contextConstructed(0)) fields.shift(); // version
  const subject = fields[4]; // after serialNumber, signature, issuer, validity
  const [oid, parameters] = readConstructed(algorithm, DER.sequence);
  const extensions = fields.find(({ tag }) => tag === DER.contextConstructed(3));
  return {
    signatureAlgorithm: { oid: objectIdentifier(oid), parameters },
    subject: readName(subject),
    alternativeNames: extensions ? readAlternativeNames(extensions) : [],
  };
}

function readName(name: DerElement | undefined): { oid: string; text: string }[] {
  return readConstructed(name, DER.sequence).flatMap((set) =>
    readConstructed(set, DER.set).map((attribute) => {
      const [type, value] = readConstructed(attribute, DER.sequence);
      return { oid: objectIdentifier(type), text: value ? readString(value) : '' };
    }),
  );
}

function readAlternativeNames(extensions: DerElement): DerElement[] {
  for (const extension of readConstructed(readDer(extensions.contents)[0], DER.sequence)) {
    const parts = readConstructed(extension, DER.sequence);
    if (objectIdentifier(parts[0]) !== SUBJECT_ALT_NAME) continue;
    const value = parts.at(-1); // after the optional `critical`
    if (value?.tag !== DER.octetString) throw new DerError('an extension without a value');
    return readConstructed(value.contents, DER.sequence);
  }
  return [];
}

/** The text of one of the string types. Others than BMPString are read as UTF-8, which ASCII is part of. */
export function readString(element: DerElement): string {
  if (element.tag !== DER.bmpString) return element.contents.toString('utf8');
  return Buffer.from(element.contents.subarray(0, element.contents.length & ~1))
    .swap16()
    .toString('utf16le');
}
