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

/** What one certificate is served with. */
interface Served {
  readonly context: SecureContext;
  readonly options: TlsOptions;
}

/** The TLS contexts of one kind of listener: one for each certificate, made when it is first wanted. */
export class ServerContexts {
  readonly #options: ServerOptions;
  readonly #choose: (name: string) => LoadedCertificate;
  #ca: string | undefined;
  #served = new Map<LoadedCertificate, Served>();

  /** `choose` says which certificate SNI asks for. Throws when the file of trust anchors cannot be read. */
  constructor(options: ServerOptions, choose: (name: string) => LoadedCertificate) {
    this.#options = options;
    this.#choose = choose;
    this.#ca = readAnchors(options);
  }

  /** For a server or a socket that shows `certificate` unless SNI asks for another; the same ones each time. */
  optionsWith(certificate: LoadedCertificate): TlsOptions {
    return this.#servedWith(certificate).options;
  }

  /** Reads the trust anchors again, forgets the contexts of other certificates; the problem if it cannot. */
  refresh(certificates: readonly LoadedCertificate[]): string | null {
    let ca: string | undefined;
    try {
      ca = readAnchors(this.#options);
    } catch (error) {
      return `${this.#options.ca ?? this.#options.moreCa}: ${(error as Error).message}`;
    }
    const kept = ca === this.#ca ? this.#served : new Map<LoadedCertificate, Served>();
    this.#served = new Map([...kept].filter(([certificate]) => certificates.includes(certificate)));
    this.#ca = ca;
    return null;
  }

  #servedWith(certificate: LoadedCertificate): Served {
    const known = this.#served.get(certificate);
    if (known) return known;
    const { rejectUnauthorized, requestCert } = this.#options;
    const contextOptions = this.#contextOptions(certificate);
    const context = createSecureContext(contextOptions);
    const options: TlsOptions = {
      ...contextOptions, // a tls.Server makes its own default context of these
      secureContext: context,
      requestCert: requestCert ?? false,
      rejectUnauthorized: rejectUnauthorized ?? false,
      SNICallback: (name, done) => {
        try {
          done(null, this.#servedWith(this.#choose(name)).context);
        } catch (error) {
          done(error as Error);
        }
      },
    };
    const served = { context, options };
    this.#served.set(certificate, served);
    return served;
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
