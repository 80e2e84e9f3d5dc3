import { X509Certificate } from 'node:crypto';
import { type DetailedPeerCertificate, rootCertificates, type TLSSocket } from 'node:tls';

const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const LONGEST_CHAIN = 10;

/**
 * The authorities whose certificates prove domains. OpenSSL checks chains; this answers the one question on which it has
 * nothing to say after it has found a certificate of a connecting server to be for servers only.
 */
export class TrustAnchors {
  readonly #texts: () => readonly string[];
  #anchors: readonly X509Certificate[] | undefined;

  /** `texts`: PEM, each of one or more certificates; read when first needed. */
  constructor(texts: () => readonly string[]) {
    this.#texts = texts;
  }

  reload(): void {
    this.#anchors = undefined;
  }

  /**
   * Whether the certificate of a connecting server is good but for its extended key usage, which names servers and not
   * clients: public authorities no longer issue others, and RFC 6120 §13.7.1 asks for none. OpenSSL reports this problem
   * in place of a missing trust anchor, so that is checked here; wrong signatures, dates and constraints it reports in
   * place of this one.
   */
  goodForServers(socket: TLSSocket): boolean {
    if (errorCode(socket.authorizationError) !== 'INVALID_PURPOSE') return false;
    const chain = chainOf(socket.getPeerCertificate(true));
    const [own] = chain;
    const last = chain.at(-1);
    if (own === undefined || last === undefined || own.ca) return false;
    if (own.keyUsage?.includes(SERVER_AUTHENTICATION) !== true) return false;
    for (const [index, certificate] of chain.entries()) {
      const issuer = chain[index + 1];
      if (issuer !== undefined && !issued(issuer, certificate)) return false;
    }
    this.#anchors ??= this.#texts().flatMap(certificatesIn);
    return this.#anchors.some((anchor) => anchor.raw.equals(last.raw) || issued(anchor, last));
  }
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** The certificate and its issuers, as far as they are known; a root is its own issuer. */
function chainOf(certificate: DetailedPeerCertificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = certificate;
  while (next?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/** Sockets of a tls.Server have the code itself, others an Error with it. */
function errorCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
}

/** The system's authorities, as Node knows them. */
export const systemAnchors: readonly string[] = rootCertificates;
