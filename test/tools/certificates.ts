import { writeFileSync } from 'node:fs';
import {
  type CertificateOptions,
  type CertificatePair,
  makeCertificate,
} from '../../shared/tls/make-certificate.js';

export const DAY_MILLISECONDS = 86_400_000;

/** A certificate for tests: valid since yesterday, for 90 days, self-signed unless told otherwise. */
export function testCertificate(
  names: readonly string[],
  options: Partial<CertificateOptions> = {},
): CertificatePair {
  return makeCertificate({
    names,
    notBefore: new Date(Date.now() - DAY_MILLISECONDS),
    notAfter: new Date(Date.now() + 90 * DAY_MILLISECONDS),
    ...options,
  });
}

/** Writes a pair as `<path>.crt` and `<path>.key`. */
export function writePair(path: string, pair: CertificatePair): { cert: string; key: string } {
  writeFileSync(`${path}.crt`, pair.certificate);
  writeFileSync(`${path}.key`, pair.key, { mode: 0o600 });
  return { cert: `${path}.crt`, key: `${path}.key` };
}
