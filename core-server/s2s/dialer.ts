import { SocketTransport } from '../streams/socket-transport.js';
import type { SocketTransportOptions } from '../streams/socket-transport-options.js';
import { connectToFirst } from './connect.js';
import type { FederationContext } from './context.js';
import { FederationFailure, failureOf } from './failure.js';
import { OutgoingStream } from './outgoing-stream.js';
import { parseHost } from './routes.js';
import type { Target, TargetResolver } from './targets.js';

/** Longest wait for a TCP connection to one host, and for the negotiation of one stream. */
const CONNECT_MILLISECONDS = 10_000;
const NEGOTIATE_MILLISECONDS = 20_000;
const REDIRECTS = 3;

interface DialerOptions {
  readonly resolver: TargetResolver;
  readonly context: FederationContext;
  readonly transport: Omit<SocketTransportOptions, 'upgrade'>;
  /** All attempts for one stream together. */
  readonly milliseconds: number;
}

/** Opens streams to other servers: resolves, connects, negotiates, and tries the next host where that may help. */
export class Dialer {
  readonly #options: DialerOptions;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** An open stream from `local` to `remote`. Rejects with a FederationFailure. */
  async open(local: string, remote: string, withoutExternal: boolean): Promise<OutgoingStream> {
    const end = performance.now() + this.#options.milliseconds;
    const targets = await this.#options.resolver.targets(remote);
    let redirects = 0;
    let failure = new FederationFailure('remote-server-not-found', 'the domain cannot be resolved');
    for (let target = targets.shift(); target !== undefined; target = targets.shift()) {
      if (performance.now() >= end) break;
      try {
        return await this.#tryTarget(target, local, remote, end, withoutExternal);
      } catch (error) {
        const problem = failureOf(error);
        // RFC 6120 §4.9.3.19: the same domain at another host, by the same policy, a few times
        const other = problem.otherHost === undefined ? null : parseHost(problem.otherHost);
        if (other !== null && redirects++ < REDIRECTS) targets.unshift(other);
        else if (!problem.tryNext) throw problem;
        // that nothing is there says less than that something is
        if (failure.condition === 'remote-server-not-found') failure = problem;
      }
    }
    throw failure;
  }

  async #tryTarget(
    target: Target,
    local: string,
    remote: string,
    end: number,
    withoutExternal: boolean,
  ): Promise<OutgoingStream> {
    const addresses = await this.#options.resolver.addresses(target.host);
    if (addresses.length === 0) {
      throw new FederationFailure('remote-server-not-found', 'the domain cannot be resolved', {
        tryNext: true,
      });
    }
    try {
      return await this.#tryStream(target, addresses, local, remote, end, withoutExternal);
    } catch (error) {
      // some servers end the stream when EXTERNAL fails: the second try goes without it
      if (withoutExternal || !failureOf(error).externalRefused) throw error;
      return this.#tryStream(target, addresses, local, remote, end, true);
    }
  }

  async #tryStream(
    target: Target,
    addresses: readonly string[],
    local: string,
    remote: string,
    end: number,
    withoutExternal: boolean,
  ): Promise<OutgoingStream> {
    const { context, transport: transportOptions } = this.#options;
    const left = end - performance.now();
    const socket = await connectToFirst(addresses, target.port, Math.min(CONNECT_MILLISECONDS, left));
    if (socket === null) {
      // RFC 6120 §8.3.3.16: resolved by the fallback only, and nobody answers at the port
      const condition = target.fallback ? 'remote-server-not-found' : 'remote-server-timeout';
      throw new FederationFailure(condition, 'no connection to the server', { tryNext: true });
    }
    const transport = new SocketTransport(
      target.direct ? context.secure(socket, local, remote, true) : socket,
      {
        ...transportOptions,
        // it is we who have something to say to this one
        limits: { ...transportOptions.limits, outboundBytes: context.stanzaLimits.outboundBytes },
        upgrade: (plain) => context.secure(plain, local, remote, false),
        speaksFirst: true,
      },
    );
    const stream = new OutgoingStream(transport, context, {
      local,
      remote,
      withoutExternal,
      milliseconds: Math.max(1, Math.min(NEGOTIATE_MILLISECONDS, end - performance.now())),
    });
    await stream.opened;
    if (stream.closed) {
      throw new FederationFailure('remote-server-timeout', 'the server ended the stream', {
        externalRefused: stream.externalRefused,
      });
    }
    return stream;
  }
}
