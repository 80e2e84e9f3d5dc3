import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import type { Gauge, Logger, Metrics } from '../observability/types.js';
import { UnusableSettingError } from '../settings/settings-error.js';
import { domainToDns } from '../xmpp/jid.js';
import {
  type CertificateSource,
  certificatesIn,
  type LoadedCertificate,
  loadCertificate,
  signatureOf,
} from './certificate-files.js';
import { matchesDomain, type XmppService } from './domain-match.js';
import { selfSignedFor } from './self-signed.js';
import { ServerContexts, type ServerOptions } from './server-contexts.js';

const WATCH_MILLISECONDS = 30_000;
/** So many domains are remembered with the certificate chosen for them. */
const CHOICES = 1000;
const SOON_MILLISECONDS = 14 * 86_400_000;

export interface ServerCertificatesOptions {
  readonly settings: {
    readonly TLS_CERT?: string | undefined;
    readonly TLS_KEY?: string | undefined;
    readonly TLS_CERTS_DIR?: string | undefined;
  };
  /** The domains to be served: each that no certificate covers is logged, or gets a self-signed one if none is configured. */
  readonly domains: readonly string[];
  /** Self-signed certificates are made in its `tls` folder. */
  readonly dataFolder: string;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Milliseconds between looks at the files; 0 for none. */
  readonly watchMilliseconds?: number;
}

/** What became of reading the certificates again. */
interface ReloadReport {
  readonly loaded: number;
  /** What is wrong with the files that were not taken; their former contents stay in use. */
  readonly problems: readonly string[];
}

/** The certificates of a server, chosen by the domain that the peer wants, read again while streams go on. */
export class ServerCertificates {
  readonly #options: ServerCertificatesOptions;
  readonly #gauge: Gauge | undefined;
  readonly #contexts = new Map<string, ServerContexts>();
  readonly #listeners = new Set<() => void>();
  #loaded: readonly LoadedCertificate[] = [];
  /** What was chosen for a domain, of those loaded. */
  readonly #chosen = new Map<string, LoadedCertificate>();
  #signature = '';
  #reloading: Promise<ReloadReport> | null = null;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: ServerCertificatesOptions) {
    this.#options = options;
    this.#gauge = options.metrics?.gauge(
      'cert_not_after_seconds',
      'When a certificate of this process expires, in seconds since 1970.',
      ['file'],
    );
  }

  /** Reads the certificates; rejects when one is configured and none can be used. */
  static async open(options: ServerCertificatesOptions): Promise<ServerCertificates> {
    const certificates = new ServerCertificates(options);
    const { problems } = await certificates.reload();
    if (certificates.#loaded.length === 0) {
      const { TLS_CERT, TLS_CERTS_DIR } = options.settings;
      throw new UnusableSettingError({
        name: TLS_CERT === undefined ? 'TLS_CERTS_DIR' : 'TLS_CERT',
        value: TLS_CERT ?? TLS_CERTS_DIR ?? '',
        expected: `no certificate can be used: ${problems.join('; ') || 'the folder has none (`<domain>.crt` and `<domain>.key`)'}`,
      });
    }
    const every = options.watchMilliseconds ?? WATCH_MILLISECONDS;
    if (every > 0) certificates.#timer = setInterval(() => void certificates.checkFiles(), every).unref();
    return certificates;
  }

  /** What is in use. */
  get all(): readonly LoadedCertificate[] {
    return this.#loaded;
  }

  /** Calls `listener` after certificates changed: a `tls.Server` needs `setSecureContext` with new options then. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Options for a TLS server, or with its `secureContext` for the server's end of one socket: cheap enough to be asked
   * for at each STARTTLS. The certificate is chosen by SNI; without SNI it is that of `domain`, for instance the `to`
   * of the stream header, or the first. Throws when `ca` cannot be read at the first call.
   */
  serverOptions(more: ServerOptions & { readonly domain?: string | null } = {}): TlsOptions {
    const { domain, ...options } = more;
    const key = JSON.stringify(options);
    let contexts = this.#contexts.get(key);
    if (!contexts) {
      contexts = new ServerContexts(options, (name) => this.choose(name));
      this.#contexts.set(key, contexts);
    }
    return contexts.optionsWith(this.choose(domain ?? null));
  }

  /**
   * The certificate to show to a peer that wants this domain: the one made for it, else one that covers it, else the
   * one of the nearest domain above it, else the first.
   */
  choose(domain: string | null): LoadedCertificate {
    const first = this.#loaded[0];
    if (!first) throw new Error('no certificate is loaded'); // open() would have failed
    if (domain === null) return first;
    const known = this.#chosen.get(domain);
    if (known) return known;
    const chosen = this.#chooseFor(domain, first);
    // clients may ask for any name
    if (this.#chosen.size >= CHOICES) this.#chosen.clear();
    this.#chosen.set(domain, chosen);
    return chosen;
  }

  #chooseFor(domain: string, first: LoadedCertificate): LoadedCertificate {
    const name = domainToDns(domain).toLowerCase();
    const own = (wanted: string) => this.#loaded.find(({ forDomain }) => forDomain === wanted);
    const found = own(name) ?? this.covering(domain, 'xmpp-client') ?? this.covering(domain, 'xmpp-server');
    if (found) return found;
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const above = own(name.slice(dot + 1));
      if (above) return above;
    }
    return first;
  }

  /** A certificate that names this domain, to authenticate as it to other servers; undefined where there is none. */
  covering(domain: string, service: XmppService): LoadedCertificate | undefined {
    const able = this.#loaded.filter(({ identities }) => matchesDomain(identities, domain, service));
    const name = domainToDns(domain).toLowerCase();
    return able.find(({ forDomain }) => forDomain === name) ?? able[0];
  }

  /** Reads everything again. Never rejects: what cannot be used is logged, and what was in use stays. */
  reload(): Promise<ReloadReport> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = null;
    });
    return this.#reloading;
  }

  /** Reloads if one of the files changed since they were read; resolves with whether it did. */
  async checkFiles(): Promise<boolean> {
    const { sources } = await this.#sources();
    if ((await signatureOf(filesOf(sources))) === this.#signature) return false;
    await this.reload();
    return true;
  }

  /** Ends watching the files. */
  close(): void {
    clearInterval(this.#timer);
  }

  async #reload(): Promise<ReloadReport> {
    const { sources, problems } = await this.#sources();
    this.#signature = await signatureOf(filesOf(sources)); // before reading: a change meanwhile is seen later
    const loaded: LoadedCertificate[] = [];
    for (const source of sources) {
      const before = this.#loaded.find(({ certFile }) => certFile === source.certFile);
      try {
        const certificate = await loadCertificate(source);
        if (before && before.cert === certificate.cert && before.key === certificate.key) {
          loaded.push(before); // its contexts stay
          continue;
        }
        loaded.push(certificate);
        this.#announce(certificate);
      } catch (error) {
        problems.push((error as Error).message);
        if (before) loaded.push(before);
      }
    }
    const { log, domains } = this.#options;
    for (const problem of problems) {
      log.error({ code: 'tls.certificate-invalid', problem }, 'a certificate cannot be used');
    }
    if (loaded.length > 0) this.#loaded = loaded;
    this.#chosen.clear();
    for (const contexts of this.#contexts.values()) {
      const problem = contexts.refresh(this.#loaded);
      if (problem === null) continue;
      problems.push(problem);
      log.error({ code: 'tls.ca-invalid', problem }, 'trust anchors cannot be used');
    }
    for (const domain of domains) {
      if (this.covering(domain, 'xmpp-client') ?? this.covering(domain, 'xmpp-server')) continue;
      log.warn({ code: 'tls.domain-not-covered', domain }, 'no certificate names this domain');
    }
    for (const listener of this.#listeners) listener();
    return { loaded: loaded.length, problems };
  }

  /** The configured files in order of precedence, the default first; with none, a self-signed one per domain. */
  async #sources(): Promise<{ sources: CertificateSource[]; problems: string[] }> {
    const { dataFolder, domains, log, settings } = this.#options;
    const { TLS_CERT, TLS_CERTS_DIR, TLS_KEY } = settings;
    const sources: CertificateSource[] = [];
    const problems: string[] = [];
    if (TLS_CERT !== undefined) {
      sources.push({ certFile: TLS_CERT, keyFile: TLS_KEY ?? TLS_CERT, forDomain: null });
    }
    if (TLS_CERTS_DIR !== undefined) {
      try {
        sources.push(...(await certificatesIn(TLS_CERTS_DIR)));
      } catch (error) {
        problems.push(`TLS_CERTS_DIR cannot be read: ${(error as Error).message}`);
      }
    }
    if (TLS_CERT === undefined && TLS_CERTS_DIR === undefined) {
      for (const domain of domains) {
        const { file, made } = await selfSignedFor(domain, join(dataFolder, 'tls'));
        sources.push({ certFile: file, keyFile: file, forDomain: domainToDns(domain).toLowerCase() });
        if (made) {
          const message = 'made a self-signed certificate: clients will warn; configure TLS_CERT and TLS_KEY';
          log.warn({ code: 'tls.self-signed-made', domain, file }, message);
        }
      }
    }
    return { sources, problems };
  }

  #announce({ certFile: file, fingerprint, identities, notAfter }: LoadedCertificate): void {
    const { log } = this.#options;
    const names = [...new Set([...identities.dnsName, ...identities.xmppAddr])];
    const expires = new Date(notAfter).toISOString();
    this.#gauge?.set(notAfter / 1000, { file });
    log.info({ code: 'tls.certificate-loaded', file, names, fingerprint, expires }, 'certificate loaded');
    if (notAfter - Date.now() > SOON_MILLISECONDS) return;
    log.warn({ code: 'tls.certificate-expires', file, names, expires }, 'certificate expires soon, or has');
  }
}

function filesOf(sources: readonly CertificateSource[]): string[] {
  return sources.flatMap(({ certFile, keyFile }) => [certFile, keyFile]);
}
