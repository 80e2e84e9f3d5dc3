import type { TLSSocket } from 'node:tls';
import { type CertificateIdentities, identitiesOf } from '../../shared/tls/certificate-identities.js';
import { matchesDomain } from '../../shared/tls/domain-match.js';
import type { TrustAnchors } from './trust-anchors.js';

/** A certificate of another server that chains to a trust anchor. */
interface PeerCertificate {
  readonly identities: CertificateIdentities;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

/** Kept, since Node gives a server's certificate only to the first who asks (it takes it out of the chain). */
const known = new WeakMap<TLSSocket, PeerCertificate | null>();

function certificateOf(socket: TLSSocket, anchors: TrustAnchors): PeerCertificate | null {
  let found = known.get(socket);
  if (found === undefined) {
    found = null;
    if (socket.authorized || anchors.goodForServers(socket)) {
      const certificate = socket.getPeerX509Certificate();
      if (certificate !== undefined) {
        found = { identities: identitiesOf(certificate.raw), notAfter: Date.parse(certificate.validTo) };
      }
    }
    known.set(socket, found);
  }
  return found;
}

/**
 * Until when the peer's certificate proves that it is this XMPP domain, in milliseconds since 1970: it chains to a trust
 * anchor and was issued for the domain of the stream (RFC 6120 §13.7.2, RFC 6125), never for the host that a SRV record
 * named, since DNS is not to be believed. Null where it does not.
 */
export function certificateProves(socket: TLSSocket, domain: string, anchors: TrustAnchors): number | null {
  const certificate = certificateOf(socket, anchors);
  if (certificate === null || !matchesDomain(certificate.identities, domain, 'xmpp-server')) return null;
  return certificate.notAfter;
}
