import { readFileSync } from 'node:fs';
import { createSecureContext, type TlsOptions } from 'node:tls';

export interface ServerCertificatesOptions {
  readonly settings: { readonly TLS_CERT?: string | undefined; readonly TLS_KEY?: string | undefined };
}

/** The certificates a server shows, read again on reload. */
export class ServerCertificates {
  readonly #settings: ServerCertificatesOptions['settings'];

  private constructor(options: ServerCertificatesOptions) {
    this.#settings = options.settings;
  }

  static async open(options: ServerCertificatesOptions): Promise<ServerCertificates> {
    return new ServerCertificates(options);
  }

  /** Options for a TLS server or server-side socket. */
  serverOptions(more: {
    requestCert?: boolean;
    rejectUnauthorized?: boolean;
    ca?: string | undefined;
  }): TlsOptions {
    const { TLS_CERT, TLS_KEY } = this.#settings;
    if (TLS_CERT === undefined || TLS_KEY === undefined) return { secureContext: createSecureContext() };
    return {
      cert: readFileSync(TLS_CERT),
      key: readFileSync(TLS_KEY),
      ...(more.requestCert === undefined ? {} : { requestCert: more.requestCert }),
      rejectUnauthorized: more.rejectUnauthorized ?? false,
      ...(more.ca === undefined ? {} : { ca: readFileSync(more.ca) }),
    };
  }

  async reload(): Promise<void> {}
}
