import type { Logger } from '../../../../shared/observability/types.js';
import type { XmlLimits } from '../../../../shared/xml/stream-parser.js';
import type { ClientHeader, ClientOrigin, Upstream, UpstreamEvents, UpstreamStream } from '../upstream.js';
import { ProxyStream } from './proxy-stream.js';
import { parseRoute, resolveTargets, type Target, type UpstreamAddress } from './target.js';

interface ProxyOptions {
  readonly address: UpstreamAddress;
  /** Domains that clients may ask for; empty: whatever the one server at `address` serves. */
  readonly domains: readonly string[];
  /** `host:port` that a client may name in `route`; empty: `route` is ignored. */
  readonly routes: readonly string[];
  /** `verify`: STARTTLS and a certificate for the domain; `encrypt`: STARTTLS with any; `none`: no TLS (same machine). */
  readonly tls: 'verify' | 'encrypt' | 'none';
  /** Certificates (PEM) that may have signed the server's, instead of the system's. */
  readonly ca: string | undefined;
  /** Offer PLAIN also to clients that came without TLS. */
  readonly allowPlain: boolean;
  readonly stanzaBytes: number;
  readonly log: Logger;
  /** See `ProxyStreamOptions`. */
  readonly patience?: number;
}

/** Any XMPP server: one client connection (RFC 6120 §3) to it for each session. */
export class ProxyUpstream implements Upstream {
  readonly name = 'xmpp';
  readonly ready = true;
  readonly limits: XmlLimits;
  readonly #options: ProxyOptions;
  readonly #routes: readonly Target[];
  readonly #streams = new Set<ProxyStream>();

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.limits = { stanzaBytes: options.stanzaBytes, depth: 128, attributes: 64 };
    this.#routes = options.routes.map((text) => {
      const route = parseRoute(text);
      if (route === undefined) throw new Error(`not host:port: ${text}`);
      return route;
    });
  }

  async start(): Promise<void> {}

  serves(domain: string): boolean {
    const { domains } = this.#options;
    return domains.length === 0 || domains.includes(domain);
  }

  open(header: ClientHeader, origin: ClientOrigin, events: UpstreamEvents): UpstreamStream {
    const stream = new ProxyStream(
      {
        targets: () => this.#targetsFor(header),
        tls: this.#options.tls,
        ca: this.#options.ca,
        features: { allowPlain: this.#options.allowPlain || origin.secure },
        stanzaBytes: this.#options.stanzaBytes,
        log: this.#options.log,
        closed: () => this.#streams.delete(stream),
        ...(this.#options.patience === undefined ? {} : { patience: this.#options.patience }),
      },
      header,
      events,
    );
    this.#streams.add(stream);
    return stream;
  }

  /** XEP-0124 §"Session Creation Request": `route` counts only where the operator lists where it may lead. */
  async #targetsFor(header: ClientHeader): Promise<Target[] | 'host-unknown'> {
    if (header.route !== undefined && this.#routes.length > 0) {
      const wanted = parseRoute(header.route);
      const allowed = this.#routes.find(({ host, port }) => host === wanted?.host && port === wanted.port);
      return allowed === undefined ? 'host-unknown' : [allowed];
    }
    return resolveTargets(this.#options.address, header.to);
  }

  async stop(): Promise<void> {
    for (const stream of [...this.#streams]) stream.close('system-shutdown');
  }
}
