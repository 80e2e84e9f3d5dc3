import { randomBytes } from 'node:crypto';
import type { Counter, Logger } from '../../shared/observability/types.js';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Session } from '../sessions/session.js';
import type { ClientStream } from './client-stream.js';
import { SocketTransport } from './socket-transport.js';

export interface ClientStreamsOptions {
  readonly log: Logger;
  /** Longest time until a stream must be authenticated and bound, in milliseconds. */
  readonly unauthenticatedMilliseconds: number;
  /** Silence after which we ping, and twice that after which a peer that did not answer is given up (0 = never). */
  readonly idleMilliseconds: number;
  readonly perAddress: number;
  /** Of those, how many may be not authenticated yet. */
  readonly unauthenticatedPerAddress: number;
  readonly total: Counter;
}

const SWEEP_MILLISECONDS = 1000;
/** The silence (by its beginning) that was already asked about. */
const PINGED = 'idle.pinged';

function pingFor(session: Session): Stanza {
  return Stanza.fromElement(
    xml(
      'iq',
      {
        type: 'get',
        id: `idle-${randomBytes(6).toString('base64url')}`,
        from: session.jid.domain,
        to: session.jid.full,
      },
      xml('ping', { xmlns: NS.ping }),
    ),
  );
}

/** All client streams of this process: how many from where, who takes too long, who fell silent. */
export class ClientStreams {
  readonly all = new Set<ClientStream>();
  readonly #options: ClientStreamsOptions;
  readonly #perAddress = new Map<string, number>();
  readonly #unauthenticated = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;
  #sweeps = 0;

  constructor(options: ClientStreamsOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MILLISECONDS);
    this.#sweeper.unref();
  }

  /** Whether one more connection from this address is allowed; counts it if so. */
  admit(address: string): boolean {
    const count = this.#perAddress.get(address) ?? 0;
    if (count >= this.#options.perAddress) return false;
    if ((this.#unauthenticated.get(address) ?? 0) >= this.#options.unauthenticatedPerAddress) return false;
    this.#perAddress.set(address, count + 1);
    return true;
  }

  /** An admitted connection is gone. */
  release(address: string): void {
    countDown(this.#perAddress, address);
  }

  opened(stream: ClientStream): void {
    this.all.add(stream);
    const address = stream.remoteAddress;
    this.#unauthenticated.set(address, (this.#unauthenticated.get(address) ?? 0) + 1);
    this.#options.total.inc();
  }

  closed(stream: ClientStream): void {
    this.all.delete(stream);
    if (stream.account === null) countDown(this.#unauthenticated, stream.remoteAddress);
  }

  /** The stream has proved who it is, and no longer counts among those that may be a flood. */
  authenticated(stream: ClientStream): void {
    countDown(this.#unauthenticated, stream.remoteAddress);
  }

  /** Closes every stream with `system-shutdown`; resolves when all are gone or `milliseconds` have passed. */
  async shutdown(milliseconds: number): Promise<void> {
    clearInterval(this.#sweeper);
    for (const stream of this.all) stream.transport.fail('system-shutdown');
    const end = performance.now() + milliseconds;
    while (this.all.size > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const stream of [...this.all]) stream.transport.destroy();
  }

  #sweep(): void {
    this.#sweeps++;
    const now = performance.now();
    const { unauthenticatedMilliseconds, idleMilliseconds } = this.#options;
    // the idle check touches every stream: every tenth sweep is often enough for time-outs of minutes
    const checkIdle = idleMilliseconds > 0 && (idleMilliseconds < 30_000 || this.#sweeps % 10 === 0);
    for (const stream of this.all) {
      if (stream.session === null) {
        // RFC 6120 §4.9.3.5: connection-timeout for a peer that does not get anywhere
        if (now - stream.openedAt > unauthenticatedMilliseconds) stream.fail('connection-timeout');
      } else if (checkIdle) this.#checkIdle(stream, stream.session, now);
    }
  }

  /**
   * RFC 6120 §4.6.1, §4.9.3.4: silence alone is no reason to end a stream, no answer is. A ping asks for one, once for
   * each silence; it also keeps the connection known to the network.
   */
  #checkIdle(stream: ClientStream, session: Session, now: number): void {
    const { transport } = stream;
    if (!(transport instanceof SocketTransport)) return;
    const silence = now - transport.lastReceived;
    const { idleMilliseconds } = this.#options;
    const pinged = stream.notes.get(PINGED) === transport.lastReceived;
    if (pinged && silence > idleMilliseconds * 2) stream.fail('connection-timeout', 'no answer to a ping');
    else if (!pinged && silence > idleMilliseconds) {
      stream.notes.set(PINGED, transport.lastReceived);
      session.deliver(pingFor(session));
    }
  }
}

function countDown(counts: Map<string, number>, key: string): void {
  const count = counts.get(key) ?? 0;
  if (count <= 1) counts.delete(key);
  else counts.set(key, count - 1);
}
