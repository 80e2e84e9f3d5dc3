import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { domainToDns } from '../xmpp/jid.js';
import { type CertificateIdentities, identitiesOf } from './certificate-identities.js';

/** Where a certificate chain and its key are; both may be in one file. */
export interface CertificateSource {
  /** For logs, metrics and `status`: the file of the chain. */
  readonly certFile: string;
  readonly keyFile: string;
  /** From its file name in the folder of certificates: the domain that it is for, as the DNS names it. */
  readonly forDomain: string | null;
}

/** A certificate chain with its key, read and found fit. */
export interface LoadedCertificate extends CertificateSource {
  /** PEM, the server's own certificate first. */
  readonly cert: string;
  readonly key: string;
  readonly identities: CertificateIdentities;
  /** SHA-256. */
  readonly fingerprint: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

/** Reads a chain and its key. Rejects with an Error that says what is wrong with which file. */
export async function loadCertificate(source: CertificateSource): Promise<LoadedCertificate> {
  const [cert, key] = await Promise.all([read(source.certFile), read(source.keyFile)]);
  const certificate = parsed(source.certFile, 'certificate', () => new X509Certificate(cert));
  const privateKey = parsed(source.keyFile, 'private key', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`${source.keyFile} is not the key of ${source.certFile}`);
  }
  return {
    ...source,
    cert,
    key,
    identities: identitiesOf(certificate.raw),
    fingerprint: certificate.fingerprint256,
    notAfter: Date.parse(certificate.validTo),
  };
}

/** Each `<domain>.crt` of a folder, with the key beside it. */
export async function certificatesIn(folder: string): Promise<CertificateSource[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.crt')).sort();
  return names.map((name) => {
    const domain = name.slice(0, -'.crt'.length);
    return {
      certFile: join(folder, name),
      keyFile: join(folder, `${domain}.key`),
      forDomain: domainToDns(domain).toLowerCase(),
    };
  });
}

/** Changes when one of the files does: also one that a link points to, or that came or went. */
export async function signatureOf(files: readonly string[]): Promise<string> {
  const parts = files.map(async (file) => {
    try {
      const { ino, mtimeMs, size } = await stat(file);
      return `${file} ${ino} ${mtimeMs} ${size}`;
    } catch {
      return `${file} -`;
    }
  });
  return (await Promise.all(parts)).join('\n');
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function parsed<T>(file: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(`${file} holds no ${what} that can be used`, { cause: error });
  }
}
