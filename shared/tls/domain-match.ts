import { domainToDns, parseJid } from '../xmpp/jid.js';
import type { CertificateIdentities } from './certificate-identities.js';

/** The service types of SRVName that XMPP knows (RFC 6120 §13.7.1.2.1). */
export type XmppService = 'xmpp-server' | 'xmpp-client';

/**
 * Whether a certificate was issued for this XMPP domain (never for the target of an SRV record): by SRVName of the
 * service, dNSName, xmppAddr, or, where it has no identifier of these types, the common name
 * (RFC 6120 §13.7.1.2 and §13.7.2.1, RFC 6125 §6).
 */
export function matchesDomain(
  identities: CertificateIdentities,
  domain: string,
  service: XmppService,
): boolean {
  const reference = dnsForm(domain);
  if (reference === null) return false;
  const { commonName, dnsName, srvName, uri, xmppAddr } = identities;
  if (dnsName.some((name) => matchesDnsName(name, reference))) return true;
  if (srvName.some((name) => matchesServiceName(name, service, reference))) return true;
  if (xmppAddr.some((address) => isAddressOf(address, reference))) return true;
  // RFC 6125 §6.4.4: the common name is the last resort, and none where there is a better identifier
  const better = dnsName.length + srvName.length + xmppAddr.length + uri.length > 0;
  return !better && commonName.some((name) => matchesDnsName(name, reference));
}

/** A-labels in lower case, without the root's dot; null for an address literal, which no certificate of XMPP names. */
function dnsForm(name: string): string | null {
  const address = parseJid(name.endsWith('.') ? name.slice(0, -1) : name);
  if (address === null || address.full !== address.domain) return null;
  if (/^\[|^\d+\.\d+\.\d+\.\d+$/.test(address.domain)) return null;
  return domainToDns(address.domain).toLowerCase();
}

/** RFC 6125 §6.4.1–6.4.3: equal, or a `*` as the whole left-most label that stands for exactly one label. */
function matchesDnsName(presented: string, reference: string): boolean {
  if (!presented.startsWith('*.')) return dnsForm(presented) === reference;
  const parent = dnsForm(presented.slice(2));
  const dot = reference.indexOf('.');
  return parent !== null && dot > 0 && reference.slice(dot + 1) === parent;
}

/** RFC 4985 §2, RFC 6125 §6.5.1: the service is compared too. */
function matchesServiceName(presented: string, service: XmppService, reference: string): boolean {
  const dot = presented.indexOf('.');
  if (dot < 0 || presented.slice(0, dot).toLowerCase() !== `_${service}`) return false;
  return matchesDnsName(presented.slice(dot + 1), reference);
}

/** An xmppAddr of a server is a domainpart alone (RFC 6120 §13.7.1.2.2); it has no wildcards. */
function isAddressOf(presented: string, reference: string): boolean {
  return !presented.startsWith('*') && dnsForm(presented) === reference;
}
