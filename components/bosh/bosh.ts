import type { Logger, Metrics } from '../../shared/observability/types.js';
import { BoshEndpoint } from './http/bosh-endpoint.js';
import { TrustedProxies } from './http/client-address.js';
import { AllowedOrigins } from './http/cors.js';
import { endpointsAt, hostMetaHandlers, paths } from './http/host-meta.js';
import { type Handler, type UpgradeHandler, WebServer } from './http/web-server.js';
import type { BoshLimits } from './session/limits.js';
import { SessionTable } from './session/session-table.js';
import type { Upstream } from './upstreams/upstream.js';
import { upgradeRequired } from './websocket/upgrade-required.js';
import { WebSocketEndpoint } from './websocket/web-socket-endpoint.js';

export interface BoshOptions {
  readonly upstream: Upstream;
  readonly limits: BoshLimits;
  readonly origins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly publicUrl: string | undefined;
  readonly requireTls: boolean;
  readonly compress: boolean;
  readonly instance: string;
  readonly pingSeconds: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Further paths: the page. */
  readonly pages: ReadonlyMap<string, Handler>;
}

/** The whole HTTP side over one upstream. */
export interface Bosh {
  readonly server: WebServer;
  readonly sessions: SessionTable;
  /** Ends all sessions in order; resolves when what was said has been read, or not in time. */
  drain(): Promise<void>;
}

/** Puts BOSH, WebSocket and host-meta together. */
export function composeBosh(options: BoshOptions): Bosh {
  const { upstream, log, metrics, publicUrl, pingSeconds } = options;
  // Several instances: a balancer reads the session's id in each request.
  const limits = { ...options.limits, compressedRequests: options.instance === '' };
  const sessions = new SessionTable({ limits, log, tag: options.instance });
  const origins = new AllowedOrigins(options.origins);
  const secure = options.requireTls && publicUrl !== undefined ? endpointsAt(publicUrl) : undefined;
  let stopping = false;
  const common = { sessions, upstream, limits, origins, log, stopping: () => stopping };

  const bosh = new BoshEndpoint({
    ...common,
    compress: options.compress,
    secureUri: secure?.bosh,
    requests: metrics.counter('bosh_requests_total', 'Requests to the BOSH endpoint.'),
  });
  const websocket = new WebSocketEndpoint({
    ...common,
    pingSeconds,
    secureUri: secure?.websocket,
    handshakes: metrics.counter('bosh_websocket_handshakes_total', 'WebSocket handshakes.'),
  });
  metrics.observedGauge('bosh_sessions', 'BOSH sessions.', () => sessions.boshCount);
  metrics.observedGauge('bosh_websocket_sessions', 'WebSocket sessions.', () => websocket.count);
  metrics.observedGauge('bosh_held_requests', 'BOSH requests held open.', () => sessions.heldRequests);

  const handlers = new Map<string, Handler>([
    ...options.pages,
    [paths.bosh, (request, response, from) => bosh.handle(request, response, from)],
    [paths.websocket, upgradeRequired],
    ...hostMetaHandlers(publicUrl),
  ]);
  const upgrades = new Map<string, UpgradeHandler>([
    [paths.websocket, (request, socket, head, from) => websocket.upgrade(request, socket, head, from)],
  ]);
  const proxies = new TrustedProxies(options.trustedProxies);
  const server = new WebServer({
    proxies,
    handlers,
    upgrades,
    idleSeconds: limits.wait + 60,
    connections: limits.connections,
    log,
  });

  return {
    server,
    sessions,
    drain: async () => {
      stopping = true;
      sessions.shutdown();
      websocket.shutdown();
      await upstream.stop();
      server.stopListening();
      // Long enough for the last words to be written and a WebSocket to be closed by its client.
      await new Promise((resolve) => setTimeout(resolve, 250));
      server.closeAll();
    },
  };
}
