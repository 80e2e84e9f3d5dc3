import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import {
  der,
  derBits,
  derIa5,
  derInteger,
  derObjectIdentifier,
  derOctets,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8,
} from './der-writer.js';

/** A certificate and its private key, PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** DNS names and IP addresses; the first is the common name. May hold `*.` names. */
  readonly names: readonly string[];
  /** JIDs, as id-on-xmppAddr (RFC 6120 §13.7.1.4). */
  readonly xmppAddresses?: readonly string[];
  /** `_xmpp-server.example.org`, as SRVName (RFC 4985). */
  readonly serviceNames?: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whether it may sign others. */
  readonly authority?: boolean;
  /** Who signs; itself by default. */
  readonly issuer?: CertificatePair;
  /** For servers only, as public authorities issue them now; by default for clients too. */
  readonly serverOnly?: boolean;
}

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  serverAuthentication: '1.3.6.1.5.5.7.3.1',
  clientAuthentication: '1.3.6.1.5.5.7.3.2',
  subjectAltName: '2.5.29.17',
  xmppAddr: '1.3.6.1.5.5.7.8.5',
  dnsSrv: '1.3.6.1.5.5.7.8.7',
} as const;

/** Makes a certificate (X.509 v3, RFC 5280) for a new ECDSA P-256 key: for hosts that have none yet, and for tests. */
export function makeCertificate(options: CertificateOptions): CertificatePair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = nameOf(options.names[0] ?? options.xmppAddresses?.[0] ?? 'localhost');
  const issuer = options.issuer === undefined ? subject : subjectOf(options.issuer.certificate);
  const signer = options.issuer === undefined ? privateKey : createPrivateKey(options.issuer.key);
  const algorithm = derSequence(derObjectIdentifier(OID.ecdsaWithSha256));
  const toBeSigned = derSequence(
    der(0xa0, derInteger(Buffer.of(2))),
    derInteger(serialNumber()),
    algorithm,
    issuer,
    derSequence(derTime(options.notBefore), derTime(options.notAfter)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, derSequence(...extensions(options))),
  );
  const certificate = derSequence(toBeSigned, algorithm, derBits(signature(toBeSigned, signer)));
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function signature(data: Buffer, key: KeyObject): Buffer {
  return sign('sha256', data, key);
}

/** 16 random octets, positive, without a leading zero (RFC 5280 §4.1.2.2). */
function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

function nameOf(commonName: string): Buffer {
  // upper bound of a common name: 64 characters; the names that count are in subjectAltName
  return derSequence(
    derSet(
      derSequence(derObjectIdentifier(OID.commonName), derUtf8(Array.from(commonName).slice(0, 64).join(''))),
    ),
  );
}

/** The subject of a certificate made here, as its issued certificates' issuer: one common name. */
function subjectOf(certificate: string): Buffer {
  return nameOf(new X509Certificate(certificate).subject.replace(/^CN=/, ''));
}

function extensions(options: CertificateOptions): Buffer[] {
  const authority = options.authority === true;
  return [
    extension(OID.basicConstraints, derSequence(...(authority ? [derTrue()] : [])), true),
    // digitalSignature, and for an authority keyCertSign
    extension(
      OID.keyUsage,
      authority ? derBits(Buffer.of(0b1000_0100), 2) : derBits(Buffer.of(0b1000_0000), 7),
      true,
    ),
    extension(
      OID.extendedKeyUsage,
      derSequence(
        derObjectIdentifier(OID.serverAuthentication),
        ...(options.serverOnly === true ? [] : [derObjectIdentifier(OID.clientAuthentication)]),
      ),
    ),
    extension(OID.subjectAltName, derSequence(...alternativeNames(options))),
  ];
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return derSequence(derObjectIdentifier(id), ...(critical ? [derTrue()] : []), derOctets(value));
}

function alternativeNames({ names, xmppAddresses = [], serviceNames = [] }: CertificateOptions): Buffer[] {
  return [
    ...names.map((name) =>
      isIP(name) === 0 ? derIa5(asciiName(name), 0x82) : der(0x87, addressOctets(name)),
    ),
    ...xmppAddresses.map((address) => otherName(OID.xmppAddr, derUtf8(address))),
    ...serviceNames.map((name) => otherName(OID.dnsSrv, derIa5(name))),
  ];
}

function asciiName(name: string): string {
  if (name.startsWith('*.')) return `*.${domainToASCII(name.slice(2))}`;
  return domainToASCII(name) || name;
}

function otherName(id: string, value: Buffer): Buffer {
  return der(0xa0, derObjectIdentifier(id), der(0xa0, value));
}

/** The 4 or 16 octets of an IP address. */
function addressOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function pem(label: string, encoding: Buffer): string {
  const lines = encoding.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
