import { child, children } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { StreamError } from '../../shared/xmpp/stream-error.js';
import type { SocketTransport } from '../streams/socket-transport.js';
import type { FederationContext } from './context.js';
import { FederationFailure } from './failure.js';
import { ServerStream } from './server-stream.js';

interface OutgoingStreamOptions {
  readonly local: string;
  readonly remote: string;
  /** SASL EXTERNAL was refused with the end of the stream before. */
  readonly withoutExternal: boolean;
  readonly milliseconds: number;
}

/** How far the negotiation has come. */
type Step = 'opening' | 'features' | 'tls' | 'sasl' | 'open';

/** A stream that we open to another server (RFC 6120 §4 to §6 as the initiating entity; XEP-0178 §3). */
export class OutgoingStream extends ServerStream {
  readonly direction = 'out';
  readonly local: string;
  readonly remote: string;
  /** Resolves when it can carry dialback elements or, after SASL, stanzas; rejects with a FederationFailure. */
  readonly opened: Promise<void>;
  /** SASL has authenticated our domain `local`. */
  authenticated = false;
  /** The peer did not accept our certificate. */
  externalRefused = false;
  #step: Step = 'opening';
  #resolve: () => void = () => {};
  #reject: (failure: FederationFailure) => void = () => {};
  readonly #timer: NodeJS.Timeout;
  readonly #withoutExternal: boolean;
  #headerSeen = false;
  #dialbackDeclared = false;
  #dialbackOffered = false;

  constructor(transport: SocketTransport, context: FederationContext, options: OutgoingStreamOptions) {
    super(transport, context);
    this.local = options.local;
    this.remote = options.remote;
    this.#withoutExternal = options.withoutExternal;
    this.opened = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // whoever waits hears of it; nobody may be waiting any more
    this.opened.catch(() => {});
    this.#timer = setTimeout(() => {
      this.fail('connection-timeout');
    }, options.milliseconds);
    this.#sendHeader();
  }

  get open(): boolean {
    return this.#step === 'open' && !this.closing && !this.closed;
  }

  /** The peer speaks dialback, so other domain pairs can share the stream (XEP-0220 §2.6). */
  get canDialback(): boolean {
    return this.#dialbackDeclared || this.#dialbackOffered;
  }

  /** Whether stanzas from this domain of ours can be sent on it, perhaps after dialback. */
  canCarry(local: string): boolean {
    return this.authenticated ? local === this.local : this.canDialback;
  }

  /** Makes sure that the peer takes stanzas of `local`. Rejects with a FederationFailure. */
  async authorize(local: string): Promise<void> {
    if (!(this.authenticated && local === this.local)) {
      if (!this.canDialback) {
        throw new FederationFailure('remote-server-timeout', 'the server offers no way to authenticate', {
          permanent: true,
        });
      }
      await this.dialback.request(local, this.remote);
    }
    // XEP-0288 §2.2: the inverse of a pair that was verified
    if (this.bidirectional) this.accept(this.remote, local);
  }

  streamOpened(header: StreamHeader): void {
    if (this.#step !== 'opening') return this.fail('bad-format', 'unexpected stream header');
    this.#headerSeen = true;
    this.id = header.id ?? '';
    this.lang = header.lang;
    if (header.namespace !== NS.streams || header.defaultNamespace !== NS.server)
      return this.fail('invalid-namespace');
    this.#dialbackDeclared = [...header.prefixes.values()].includes(NS.dialback);
    if (this.transport.secure && !this.#trusted()) return;
    this.#step = 'features';
    // a server before XMPP 1.0 sends no features
    if (header.version === undefined) this.#finish();
  }

  protected elementReceived(element: Stanza): void {
    if (element.namespace === NS.streams && element.name === 'features' && this.#step === 'features') {
      return this.#features(element);
    }
    if (element.namespace === NS.tls && this.#step === 'tls') {
      if (element.name !== 'proceed') return this.#fail('the server refused TLS');
      this.#step = 'opening';
      this.transport.startTls('');
      this.#sendHeader();
      return;
    }
    if (element.namespace === NS.sasl && this.#step === 'sasl') return this.#sasl(element);
    if (element.namespace === NS.streams && element.name === 'features') return;
    this.fail('unsupported-stanza-type');
  }

  protected override ended(reason: string, error: StreamError | undefined): void {
    clearTimeout(this.#timer);
    if (this.#step === 'open') return;
    const unknown = error?.condition === 'host-unknown' || error?.condition === 'host-gone';
    this.#reject(
      new FederationFailure(
        unknown ? 'remote-server-not-found' : 'remote-server-timeout',
        error === undefined
          ? `no stream could be negotiated: ${reason}`
          : `the server says ${error.condition}`,
        {
          unknownThere: unknown,
          tryNext: !this.#headerSeen,
          externalRefused: this.#step === 'sasl' || this.externalRefused,
          otherHost: error?.condition === 'see-other-host' ? error.host : undefined,
        },
      ),
    );
  }

  #sendHeader(): void {
    this.transport.sendHeader({
      contentNamespace: NS.server,
      declarations: `xmlns:db='${NS.dialback}'`,
      from: this.local,
      to: this.remote,
      version: '1.0',
      lang: 'en',
    });
  }

  #features(features: Stanza): void {
    const tree = features.element;
    const { policy } = this.context;
    this.#dialbackOffered = child(tree, 'dialback', NS.dialbackFeature) !== undefined;
    if (!this.transport.secure) {
      if (child(tree, 'starttls', NS.tls) !== undefined) {
        this.#step = 'tls';
        this.send(`<starttls xmlns='${NS.tls}'/>`);
        return;
      }
      if (policy.requireTls) return this.#fail('the server offers no TLS');
    }
    if (!this.authenticated) {
      if (!this.bidirectional && child(tree, 'bidi', NS.bidiFeature) !== undefined) {
        this.bidirectional = true;
        this.send(`<bidi xmlns='${NS.bidi}'/>`);
      }
      if (this.#mayUseExternal(features)) {
        this.#step = 'sasl';
        // XEP-0178 §3 step 10: the authorization identity for servers of before
        const identity = Buffer.from(this.local, 'utf8').toString('base64');
        this.send(`<auth xmlns='${NS.sasl}' mechanism='EXTERNAL'>${identity}</auth>`);
        return;
      }
    }
    this.#finish();
  }

  #mayUseExternal(features: Stanza): boolean {
    if (this.#withoutExternal || this.externalRefused || !this.transport.secure) return false;
    if (!this.context.hasCertificate(this.local)) return false;
    const mechanisms = child(features.element, 'mechanisms', NS.sasl);
    if (mechanisms === undefined) return false;
    return children(mechanisms, 'mechanism').some((one) => one.getText().trim() === 'EXTERNAL');
  }

  #sasl(element: Stanza): void {
    switch (element.name) {
      case 'success':
        this.authenticated = true;
        this.#step = 'opening';
        this.transport.expectRestart();
        this.#sendHeader();
        return;
      case 'challenge':
        this.send(
          `<response xmlns='${NS.sasl}'>${Buffer.from(this.local, 'utf8').toString('base64')}</response>`,
        );
        return;
      default:
        this.externalRefused = true;
        // dialback on the same stream, unless the peer ends it now
        if (this.canDialback) return this.#finish();
        this.#fail('the server refused our certificate');
    }
  }

  /** RFC 6125: the certificate is for the XMPP domain, never for the host that DNS named. */
  #trusted(): boolean {
    if (this.context.policy.ruleFor(this.remote) !== 'strict' || this.peerProves(this.remote)) return true;
    this.context.log.warn(
      { code: 's2s.certificate-invalid', remote: this.remote, address: this.transport.remoteAddress },
      'a server has no valid certificate and was refused',
    );
    this.#fail('the certificate of the server is not valid');
    return false;
  }

  #finish(): void {
    if (!this.transport.secure && this.context.policy.requireTls)
      return this.#fail('the server offers no TLS');
    this.#step = 'open';
    this.endWithCertificate(this.remote);
    clearTimeout(this.#timer);
    this.#resolve();
  }

  /** Security policy of ours or theirs: another address would not help. */
  #fail(message: string): void {
    this.#reject(new FederationFailure('remote-server-timeout', message, { permanent: true }));
    this.close();
    this.end(message);
  }
}
