import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext, type TlsOptions } from 'node:tls';
import type { LoadedCertificate } from './certificate-files.js';
import { SECURE_OPTIONS } from './secure-options.js';

/** What a listener wants besides a certificate. */
export interface ServerOptions {
  /** Ask the peer for a certificate. */
  readonly requestCert?: boolean;
  /** End the handshake where the peer's is bad; otherwise whoever uses it looks at `authorized`. */
  readonly rejectUnauthorized?: boolean;
  /** File (PEM) of the trust anchors for peers' certificates, in place of the system's. */
  readonly ca?: string | undefined;
  /** The same, beside the system's. */
  readonly moreCa?: string | undefined;
}

/** The TLS contexts of one kind of listener: one for each certificate, made when it is first wanted. */
export class ServerContexts {
  readonly #options: ServerOptions;
  #ca: string | undefined;
  #contexts = new Map<LoadedCertificate, SecureContext>();

  /** Throws when the file of trust anchors cannot be read. */
  constructor(options: ServerOptions) {
    this.#options = options;
    this.#ca = readAnchors(options);
  }

  /** For a server or a socket that shows `certificate` unless SNI makes `choose` take another. */
  optionsWith(certificate: LoadedCertificate, choose: (name: string) => LoadedCertificate): TlsOptions {
    const { rejectUnauthorized, requestCert } = this.#options;
    return {
      ...this.#contextOptions(certificate), // a tls.Server makes its own default context of these
      secureContext: this.#contextOf(certificate),
      requestCert: requestCert ?? false,
      rejectUnauthorized: rejectUnauthorized ?? false,
      SNICallback: (name, done) => {
        try {
          done(null, this.#contextOf(choose(name)));
        } catch (error) {
          done(error as Error);
        }
      },
    };
  }

  /** Reads the trust anchors again, forgets the contexts of other certificates; the problem if it cannot. */
  refresh(certificates: readonly LoadedCertificate[]): string | null {
    let ca: string | undefined;
    try {
      ca = readAnchors(this.#options);
    } catch (error) {
      return `${this.#options.ca ?? this.#options.moreCa}: ${(error as Error).message}`;
    }
    const kept = ca === this.#ca ? this.#contexts : new Map<LoadedCertificate, SecureContext>();
    this.#contexts = new Map([...kept].filter(([certificate]) => certificates.includes(certificate)));
    this.#ca = ca;
    return null;
  }

  #contextOf(certificate: LoadedCertificate): SecureContext {
    const known = this.#contexts.get(certificate);
    if (known) return known;
    const context = createSecureContext(this.#contextOptions(certificate));
    this.#contexts.set(certificate, context);
    return context;
  }

  #contextOptions({ cert, key }: LoadedCertificate) {
    return {
      ...SECURE_OPTIONS,
      dhparam: 'auto',
      cert,
      key,
      ...(this.#ca === undefined
        ? {}
        : { ca: this.#options.ca === undefined ? [...rootCertificates, this.#ca] : this.#ca }),
    };
  }
}

function readAnchors({ ca, moreCa }: ServerOptions): string | undefined {
  const file = ca ?? moreCa;
  if (file === undefined) return undefined;
  const text = readFileSync(file, 'utf8');
  new X509Certificate(text); // OpenSSL passes over what is no certificate, and would trust nobody
  return text;
}
