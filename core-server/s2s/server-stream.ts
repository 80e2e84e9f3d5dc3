import { whenCertificateExpires } from '../../shared/tls/expiry.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader } from '../../shared/xml/stream-parser.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { isStanzaName } from '../../shared/xmpp/stanza-name.js';
import { StreamError, type StreamErrorCondition } from '../../shared/xmpp/stream-error.js';
import type { SocketTransport } from '../streams/socket-transport.js';
import type { TransportHandler } from '../streams/transport.js';
import type { Outbound } from './backlog.js';
import { inLanguageOf, withCanonicalAddresses } from './canonical.js';
import type { FederationContext } from './context.js';
import { Dialback } from './dialback.js';
import { FederationFailure } from './failure.js';
import { certificateProves } from './peer-certificate.js';

/** Wire text that may wait in a stream's socket before stanzas wait in their pair's backlog instead. */
const WINDOW_BYTES = 1024 * 1024;

interface Batch {
  readonly flush: number;
  readonly outbounds: Outbound[];
  readonly since: number;
}

/** Of one domain of theirs: to which of ours it may send (RFC 6120 §8.1.1.2, §8.1.2.2), and how many stanzas came. */
interface Acceptance {
  readonly locals: Set<string>;
  received: number;
}

/** One stream to or from another server: who may send what on it, and what has not left yet. */
export abstract class ServerStream implements TransportHandler {
  abstract readonly direction: 'in' | 'out';
  readonly transport: SocketTransport;
  readonly openedAt = performance.now();
  /** When a stanza or a dialback element last passed, in `performance.now()` milliseconds. */
  lastUsed = performance.now();
  /** The stream's id, from the header of the receiving server. */
  id = '';
  /** Both sides send stanzas on it (XEP-0288). */
  bidirectional = false;
  closed = false;
  /** The peer's default language (RFC 6120 §4.7.4). */
  protected lang: string | undefined;
  /** Our closing tag is sent, the peer's has not come. */
  closing = false;
  readonly dialback: Dialback;
  protected readonly context: FederationContext;
  /** By their domain: what the peer may send. */
  readonly #accepted = new Map<string, Acceptance>();
  #batches: Batch[] = [];
  #orderly = false;
  /** It ends when the peer's certificate does. */
  #ending = false;

  constructor(transport: SocketTransport, context: FederationContext) {
    this.transport = transport;
    this.context = context;
    this.dialback = new Dialback(this, context);
    transport.handler = this;
  }

  // ---- who may send ----

  accepts(remote: string, local: string): boolean {
    return this.#accepted.get(remote)?.locals.has(local) === true;
  }

  /** The peer has proved that it is `remote` and may send to `local`. */
  accept(remote: string, local: string): void {
    if (this.accepts(remote, local)) return;
    const acceptance = this.#accepted.get(remote) ?? { locals: new Set(), received: 0 };
    acceptance.locals.add(local);
    if (this.#accepted.size === 0) this.transport.setLimits(this.context.stanzaLimits);
    this.#accepted.set(remote, acceptance);
    this.endWithCertificate(remote);
    this.context.accepted(this, remote, local);
  }

  /** Domains that the peer has proved. */
  get remotes(): string[] {
    return [...this.#accepted.keys()];
  }

  get pairs(): number {
    let count = 0;
    for (const { locals } of this.#accepted.values()) count += locals.size;
    return count;
  }

  /** Stanzas that came from one of {@link remotes}. */
  receivedFrom(remote: string): number {
    return this.#accepted.get(remote)?.received ?? 0;
  }

  /** Whether the peer's certificate alone proves that it is this domain. */
  peerProves(domain: string): boolean {
    const { tls } = this.transport;
    return tls !== null && certificateProves(tls, domain, this.context.anchors) !== null;
  }

  /** RFC 6120 §13.7.2.3: a stream that a certificate vouches for ends with it. */
  protected endWithCertificate(domain: string): void {
    const { tls } = this.transport;
    const notAfter = tls === null ? null : certificateProves(tls, domain, this.context.anchors);
    if (tls === null || notAfter === null || this.#ending) return;
    this.#ending = true;
    whenCertificateExpires(tls, notAfter, () => this.fail('reset', 'the certificate has expired'));
  }

  // ---- sending ----

  get hasRoom(): boolean {
    return this.transport.queuedBytes < WINDOW_BYTES;
  }

  /** Since when the oldest stanza waits for the kernel to take it; null when none does. */
  get stuckSince(): number | null {
    return this.#batches[0]?.since ?? null;
  }

  send(text: string): void {
    this.transport.send(text);
  }

  /** Sends a stanza; its sender's acknowledgement may pass once the kernel has it. */
  sendStanza(outbound: Outbound): void {
    const { transport } = this;
    const last = this.#batches.at(-1);
    if (last !== undefined && last.flush === transport.flushes) last.outbounds.push(outbound);
    else {
      const now = performance.now();
      const batch: Batch = { flush: transport.flushes, outbounds: [outbound], since: now };
      this.lastUsed = now;
      this.#batches.push(batch);
      transport.afterFlush(() => {
        this.#batches = this.#batches.filter((other) => other !== batch);
        for (const { release } of batch.outbounds) release();
      });
    }
    transport.send(outbound.stanza.text);
  }

  /** Ends the stream in order: nothing new is sent on it; what the peer still sends is taken (RFC 6120 §4.4). */
  close(): void {
    if (this.closing || this.closed) return;
    this.closing = true;
    this.context.closing(this);
    this.transport.close();
  }

  fail(condition: StreamErrorCondition, text?: string): void {
    if (this.closed) return;
    this.context.log.info(
      {
        code: 's2s.stream-error',
        condition,
        detail: text,
        address: this.transport.remoteAddress,
        remotes: this.remotes,
      },
      'a stream with another server was ended',
    );
    this.transport.fail(condition, text);
    this.end(condition);
  }

  // ---- what the transport reports ----

  abstract streamOpened(header: StreamHeader): void;

  stanzaReceived(stanza: Stanza): void {
    if (this.closed) return;
    const { namespace, name } = stanza;
    if (namespace === NS.server && isStanzaName(name)) {
      this.#receive(stanza);
    } else if (namespace === NS.dialback) {
      this.lastUsed = performance.now();
      this.dialback.receive(stanza);
    } else if (namespace === NS.streams && name === 'error') {
      this.peerFailed(StreamError.fromElement(stanza.element));
    } else this.elementReceived(stanza);
  }

  streamClosed(): void {
    this.#orderly = true;
    this.end('closed by the peer');
  }

  lost(reason: string): void {
    this.end(reason);
  }

  drained(): void {
    this.context.drained(this);
  }

  /** An element of the negotiation. */
  protected abstract elementReceived(element: Stanza): void;

  /** The peer's stream error: its stream is over, and so is ours, whether the peer closes it or not (RFC 6120 §4.9.1.1). */
  protected peerFailed(error: StreamError): void {
    this.context.log.info(
      { code: 's2s.peer-error', condition: error.condition, detail: error.text, remotes: this.remotes },
      'another server ended a stream with an error',
    );
    this.end(`stream error ${error.condition}`, error);
    this.transport.close();
  }

  protected end(reason: string, error?: StreamError): void {
    if (this.closed) return;
    this.closed = true;
    const unsent = this.#batches.flatMap((batch) => batch.outbounds);
    this.#batches = [];
    this.ended(reason, error);
    this.dialback.end(
      new FederationFailure('remote-server-timeout', 'the server ended the stream', {
        unknownThere: error?.condition === 'host-unknown',
      }),
    );
    this.context.closed(this, unsent, this.#orderly);
  }

  /** For those who wait for this stream to open. */
  protected ended(_reason: string, _error: StreamError | undefined): void {}

  /** RFC 6120 §8.1.1.2, §8.1.2.2: addresses must be there, and proved. */
  #receive(stanza: Stanza): void {
    if (this.#accepted.size === 0) return this.fail('not-authorized');
    const { fromJid: from, toJid: to } = stanza;
    if (!from || !to) return this.fail('improper-addressing');
    const acceptance = this.#accepted.get(from.domain);
    if (acceptance === undefined) {
      this.context.log.warn(
        {
          code: 's2s.invalid-from',
          claimed: from.domain,
          remotes: this.remotes,
          address: this.transport.remoteAddress,
        },
        'a server sent a stanza in the name of another domain',
      );
      return this.fail('invalid-from');
    }
    if (!acceptance.locals.has(to.domain)) return this.fail('host-unknown');
    acceptance.received++;
    this.lastUsed = performance.now();
    this.context.receive(inLanguageOf(this.lang, withCanonicalAddresses(stanza)), this);
  }
}
