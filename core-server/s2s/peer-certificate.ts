import type { TLSSocket } from 'node:tls';
import { identitiesOf } from '../../shared/tls/certificate-identities.js';
import { matchesDomain } from '../../shared/tls/domain-match.js';

/**
 * Whether the peer's certificate chains to a trust anchor and was issued for this XMPP domain (RFC 6120 §13.7.2, RFC 6125):
 * the domain of the stream, never the host that a SRV record named, since DNS is not to be believed.
 */
export function certificateProves(socket: TLSSocket, domain: string): boolean {
  if (!socket.authorized) return false;
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && matchesDomain(identitiesOf(certificate.raw), domain, 'xmpp-server');
}
