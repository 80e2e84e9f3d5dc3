import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { identitiesOf } from '../../tls/certificate-identities.js';
import { type Finding, finding } from './finding.js';

/** Warn when a certificate ends within this time. */
const SOON_DAYS = 21;

interface CertificateSettings {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly folder: string | undefined;
  /** The folder where a self-signed pair is made where none is configured. */
  readonly dataFolder: string;
}

/** Whether each domain has a certificate that can be read, belongs to its key, is valid now and names the domain. */
export function checkCertificates(
  domains: readonly string[],
  settings: CertificateSettings,
  now = new Date(),
): Finding[] {
  if (settings.cert === undefined && settings.folder === undefined) {
    return [
      finding(
        'warning',
        'certificates',
        'none is configured (TLS_CERT, TLS_CERTS_DIR): a self-signed one is used',
      ),
    ];
  }
  const findings: Finding[] = [];
  if (settings.folder !== undefined && !isFolder(settings.folder)) {
    findings.push(
      finding('error', 'certificates', `TLS_CERTS_DIR=${settings.folder} is not a readable folder`),
    );
  }
  for (const domain of domains) findings.push(...checkDomain(domain, settings, now));
  return findings;
}

function checkDomain(domain: string, settings: CertificateSettings, now: Date): Finding[] {
  const pair = pairFor(domain, settings);
  if (pair === undefined) return [finding('error', 'certificates', `${domain}: no certificate`)];
  const error = (message: string) => [finding('error', 'certificates', `${domain}: ${message}`)];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(pair.cert));
  } catch (cause) {
    return error(`${pair.cert} cannot be read as a certificate (${reason(cause)})`);
  }
  const findings: Finding[] = [];
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(pair.key)))) {
      findings.push(...error(`${pair.key} is not the key of ${pair.cert}`));
    }
    if ((statSync(pair.key).mode & 0o004) !== 0) {
      findings.push(finding('warning', 'certificates', `${domain}: everybody may read ${pair.key}`));
    }
  } catch (cause) {
    findings.push(...error(`${pair.key} cannot be read as a key (${reason(cause)})`));
  }
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  const daysLeft = Math.floor((to.getTime() - now.getTime()) / 86_400_000);
  if (now > to) findings.push(...error(`${pair.cert} expired on ${certificate.validTo}`));
  else if (now < from) findings.push(...error(`${pair.cert} is not valid before ${certificate.validFrom}`));
  else if (daysLeft < SOON_DAYS) {
    findings.push(finding('warning', 'certificates', `${domain}: ${pair.cert} expires in ${daysLeft} days`));
  }
  const ascii = domainToASCII(domain) || domain;
  if (certificate.checkHost(ascii) === undefined && !namesXmppDomain(certificate, ascii)) {
    findings.push(
      ...error(`${pair.cert} is not for this domain (${certificate.subjectAltName ?? certificate.subject})`),
    );
  }
  if (findings.length === 0) {
    findings.push(finding('ok', 'certificates', `${domain}: ${pair.cert}, valid for ${daysLeft} days`));
  }
  return findings;
}

/** SRVName and xmppAddr (RFC 6120 §13.7.1.2.1), which Node does not look at. */
function namesXmppDomain(certificate: X509Certificate, domain: string): boolean {
  const { srvName, xmppAddr } = identitiesOf(certificate.raw);
  return srvName.some((name) => name.endsWith(`.${domain}`)) || xmppAddr.includes(domain);
}

function pairFor(
  domain: string,
  { cert, key, folder }: CertificateSettings,
): { cert: string; key: string } | undefined {
  if (folder !== undefined && isFolder(folder)) {
    const own = readdirSync(folder).includes(`${domain}.crt`);
    if (own) return { cert: join(folder, `${domain}.crt`), key: join(folder, `${domain}.key`) };
  }
  // The key may be in the same file.
  return cert === undefined ? undefined : { cert, key: key ?? cert };
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

function reason(cause: unknown): string {
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : String(cause);
}
