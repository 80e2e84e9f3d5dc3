import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket, type TlsOptions } from 'node:tls';
import type { LoadedCertificate } from '../../shared/tls/certificate-files.js';
import { SECURE_OPTIONS } from '../../shared/tls/secure-options.js';
import type { ServerCertificates } from '../../shared/tls/server-certificates.js';
import { domainToDns } from '../../shared/xmpp/jid.js';
import { systemAnchors, TrustAnchors } from './trust-anchors.js';

/** The name of the protocol in ALPN (XEP-0368 §3 rule 9). */
export const ALPN = 'xmpp-server';

/** The TLS side of federation, both ends of the handshake. */
export class FederationTls {
  readonly #certificates: ServerCertificates;
  readonly anchors: TrustAnchors;
  /** The setting S2S_CA. */
  readonly #ca: { readonly file: string; readonly only: boolean } | null;
  /** One context for each certificate that we show, and one for none. */
  readonly #contexts = new Map<LoadedCertificate | undefined, SecureContext>();

  /** `anchors` is the setting S2S_CA: a file of more trust anchors, or `only:FILE` in place of the system's. */
  constructor(certificates: ServerCertificates, anchors: string | undefined) {
    this.#certificates = certificates;
    const only = anchors?.startsWith('only:') === true;
    this.#ca = anchors === undefined ? null : { file: only ? anchors.slice(5) : anchors, only };
    this.anchors = new TrustAnchors(() => this.#trusted() ?? systemAnchors);
    certificates.onChange(() => this.reload());
  }

  /** Certificates and trust anchors are read again when they are next needed. */
  reload(): void {
    this.#contexts.clear();
    this.anchors.reload();
  }

  /**
   * For the server's end, with the certificate of `domain` where the peer names none by SNI; the peer is asked for its
   * certificate, which may be a bad one.
   */
  serverOptions(domain: string | null = null): TlsOptions {
    const ca = this.#ca;
    return this.#certificates.serverOptions({
      domain,
      requestCert: true,
      rejectUnauthorized: false,
      ...(ca === null ? {} : ca.only ? { ca: ca.file } : { moreCa: ca.file }),
    });
  }

  hasCertificate(local: string): boolean {
    return this.#certificates.covering(local, 'xmpp-server') !== undefined;
  }

  /** The client's end: shows the certificate of `local`, asks for that of `remote` (SNI, XEP-0368 §3 rule 6). */
  connect(socket: Socket, local: string, remote: string, direct: boolean): TLSSocket {
    const name = domainToDns(remote);
    return connect({
      socket,
      secureContext: this.#contextFor(local),
      // judged when the stream is open, by the policy for the domain
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      ...(direct ? { ALPNProtocols: [ALPN] } : {}),
    });
  }

  #contextFor(local: string): SecureContext {
    const certificate = this.#certificates.covering(local, 'xmpp-server');
    const known = this.#contexts.get(certificate);
    if (known !== undefined) return known;
    const trusted = this.#trusted();
    const context = createSecureContext({
      ...SECURE_OPTIONS,
      ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
      ...(trusted === null ? {} : { ca: [...trusted] }),
    });
    this.#contexts.set(certificate, context);
    return context;
  }

  /** What S2S_CA makes of the trust anchors; null for the system's. */
  #trusted(): readonly string[] | null {
    const ca = this.#ca;
    if (ca === null) return null;
    return [...(ca.only ? [] : systemAnchors), readFileSync(ca.file, 'utf8')];
  }
}
