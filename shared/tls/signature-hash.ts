import { readCertificate } from './certificate-fields.js';
import { DER, type DerElement, objectIdentifier, readConstructed, readDer } from './der.js';

/** Signature algorithms by object identifier, and their hash as node:crypto knows it. */
const SIGNATURE_HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'md5', // md5WithRSAEncryption
  '1.2.840.113549.1.1.5': 'sha1', // sha1WithRSAEncryption
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10040.4.3': 'sha1', // dsa-with-sha1
  '2.16.840.1.101.3.4.3.1': 'sha224', // dsa-with-sha224
  '2.16.840.1.101.3.4.3.2': 'sha256', // dsa-with-sha256
  '1.2.840.10045.4.1': 'sha1', // ecdsa-with-SHA1
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.5': 'md5',
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

const RSASSA_PSS = '1.2.840.113549.1.1.10';

/**
 * The hash that `tls-server-end-point` takes of this certificate: that of its signature, SHA-256 in place of MD5 and
 * SHA-1 (RFC 5929 §4.1). `null` where the signature has no single hash (Ed25519, Ed448) or is unknown: the binding
 * is undefined then.
 */
export function endPointHash(certificateDer: Buffer): string | null {
  try {
    const { oid, parameters } = readCertificate(certificateDer).signatureAlgorithm;
    const hash = oid === RSASSA_PSS ? pssHash(parameters) : SIGNATURE_HASHES[oid];
    if (hash === undefined) return null;
    return hash === 'md5' || hash === 'sha1' ? 'sha256' : hash;
  } catch {
    return null;
  }
}

/** RSASSA-PSS-params: hashAlgorithm is an explicit [0], SHA-1 if absent (RFC 4055 §3.1). */
function pssHash(parameters: DerElement | undefined): string | undefined {
  if (parameters?.tag !== DER.sequence) return 'sha1';
  const wrapped = readDer(parameters.contents).find(({ tag }) => tag === DER.contextConstructed(0));
  if (!wrapped) return 'sha1';
  const [algorithm] = readDer(wrapped.contents);
  return HASHES[objectIdentifier(readConstructed(algorithm, DER.sequence)[0])];
}
