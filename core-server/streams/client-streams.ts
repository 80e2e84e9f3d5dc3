import { randomBytes } from 'node:crypto';
import { networkOf } from '../../shared/net/network.js';
import type { Counter, Logger } from '../../shared/observability/types.js';
import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { AddressRules } from '../rates/address-rules.js';
import type { Session } from '../sessions/session.js';
import type { ClientStream } from './client-stream.js';
import { countDown, type Door } from './door.js';
import { SocketTransport } from './socket-transport.js';

interface ClientStreamsOptions {
  readonly log: Logger;
  /** Longest time until a stream must be authenticated and bound, in milliseconds. */
  readonly unauthenticatedMilliseconds: number;
  /** Silence after which we ping, and twice that after which a peer that did not answer is given up (0 = never). */
  readonly idleMilliseconds: number;
  readonly perAddress: number;
  readonly rules: AddressRules;
  /** Those who have not authenticated yet. */
  readonly door: Door;
  /** Longest time for one stanza to come in whole. */
  readonly stanzaMilliseconds: number;
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
  /** How each stream that has not authenticated leaves the door. */
  readonly #strangers = new Map<ClientStream, () => void>();
  readonly #sweeper: NodeJS.Timeout;
  #sweeps = 0;

  constructor(options: ClientStreamsOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MILLISECONDS);
    this.#sweeper.unref();
  }

  /** Counts an attempt to connect from there; false where there have been too many in the last minute. */
  mayTry(address: string): boolean {
    if (this.#options.rules.exempt(address) || this.#options.door.mayTry(address)) return true;
    this.#options.log.warn({ code: 'c2s.too-many-attempts', address }, 'too many attempts to connect');
    return false;
  }

  /** Whether one more connection from this address is allowed; counts it if so. */
  admit(address: string): boolean {
    const network = networkOf(address);
    const count = this.#perAddress.get(network) ?? 0;
    const exempt = this.#options.rules.exempt(address);
    if (!exempt && count >= this.#options.perAddress) return false;
    if (!this.#options.door.hasRoom(address, exempt)) return false;
    this.#perAddress.set(network, count + 1);
    return true;
  }

  /** Whether somebody at this address is talked with at all. */
  welcome(address: string): boolean {
    if (!this.#options.rules.banned(address)) return true;
    this.#options.log.info({ code: 'c2s.banned', address }, 'a banned address is not talked with');
    return false;
  }

  /** After other addresses have been banned: who is there from one of them must go. */
  expel(): void {
    for (const stream of [...this.all]) {
      if (!this.welcome(stream.remoteAddress)) stream.fail('policy-violation', 'your address is banned');
    }
  }

  /** An admitted connection is gone. */
  release(address: string): void {
    countDown(this.#perAddress, networkOf(address));
  }

  opened(stream: ClientStream): void {
    this.all.add(stream);
    this.#strangers.set(stream, this.#options.door.enter(stream.remoteAddress));
    this.#options.total.inc();
  }

  closed(stream: ClientStream): void {
    this.all.delete(stream);
    this.authenticated(stream);
  }

  /** The stream has proved who it is, and no longer counts among those that may be a flood. */
  authenticated(stream: ClientStream): void {
    this.#strangers.get(stream)?.();
    this.#strangers.delete(stream);
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
      if (this.#isSlow(stream, now)) {
        stream.fail('connection-timeout', 'a stanza did not come in whole');
      } else if (stream.session === null) {
        // RFC 6120 §4.9.3.4: connection-timeout for a peer that does not get anywhere
        if (now - stream.openedAt > unauthenticatedMilliseconds) stream.fail('connection-timeout');
      } else if (checkIdle) this.#checkIdle(stream, stream.session, now);
    }
  }

  /** XEP-0205 §2: half a stanza is kept, and so is who says the rest of it byte by byte. */
  #isSlow({ transport }: ClientStream, now: number): boolean {
    if (!(transport instanceof SocketTransport)) return false;
    const since = transport.unfinishedSince;
    return since !== null && now - since > this.#options.stanzaMilliseconds;
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
