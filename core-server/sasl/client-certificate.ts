import type { TLSSocket } from 'node:tls';
import { type CertificateIdentities, identitiesOf } from '../../shared/tls/certificate-identities.js';

/** A certificate with which a client has proven itself. */
export interface ClientCertificate {
  readonly identities: CertificateIdentities;
  /** SHA-256, for the log. */
  readonly fingerprint: string;
  /** Milliseconds since 1970: a stream that was authenticated with it ends then (RFC 6120 §13.7.2.3). */
  readonly notAfter: number;
}

/**
 * The client's certificate if one was presented and its chain ends in a trust anchor of the listener; null for a
 * self-signed or otherwise unverified one, which proves nothing (RFC 6120 §13.7.2.2).
 */
export function clientCertificateOf(socket: TLSSocket): ClientCertificate | null {
  if (!socket.authorized) return null;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate || certificate.ca) return null; // RFC 6120 §13.7.1.1 rule 2
  return {
    identities: identitiesOf(certificate.raw),
    fingerprint: certificate.fingerprint256,
    notAfter: Date.parse(certificate.validTo),
  };
}
