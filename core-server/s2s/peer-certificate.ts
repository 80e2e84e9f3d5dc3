import type { TLSSocket } from 'node:tls';
import { type CertificateIdentities, identitiesOf } from '../../shared/tls/certificate-identities.js';
import { matchesDomain } from '../../shared/tls/domain-match.js';
import type { TrustAnchors } from './trust-anchors.js';

/** Kept, since Node gives a server's certificate only to the first who asks (it takes it out of the chain). */
const known = new WeakMap<TLSSocket, CertificateIdentities | null>();

/**
 * Whether the peer's certificate chains to a trust anchor and was issued for this XMPP domain (RFC 6120 §13.7.2, RFC 6125):
 * the domain of the stream, never the host that a SRV record named, since DNS is not to be believed.
 */
export function certificateProves(socket: TLSSocket, domain: string, anchors: TrustAnchors): boolean {
  let identities = known.get(socket);
  if (identities === undefined) {
    identities = null;
    if (socket.authorized || anchors.goodForServers(socket)) {
      const certificate = socket.getPeerX509Certificate();
      if (certificate !== undefined) identities = identitiesOf(certificate.raw);
    }
    known.set(socket, identities);
  }
  return identities !== null && matchesDomain(identities, domain, 'xmpp-server');
}
