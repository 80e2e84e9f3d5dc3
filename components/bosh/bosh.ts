import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger, Metrics } from '../../shared/observability/types.js';
import { BoshEndpoint } from './http/bosh-endpoint.js';
import { TrustedProxies } from './http/client-address.js';
import { AllowedOrigins } from './http/cors.js';
import { endpointsAt, paths, writeJrd, writeXrd } from './http/host-meta.js';
import { type Handler, type UpgradeHandler, WebServer } from './http/web-server.js';
import type { BoshLimits } from './session/limits.js';
import { SessionTable } from './session/session-table.js';
import type { Upstream } from './upstreams/upstream.js';
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
  const public_ = publicUrl === undefined ? undefined : endpointsAt(publicUrl);
  const secure = options.requireTls ? public_ : undefined;
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

  const hostMeta = (type: string, write: typeof writeXrd): Handler => {
    return (request, response, from) => {
      // XEP-0156 §"Business Rules": only https: and wss: may be told.
      const own = from.encrypted && from.host !== undefined ? endpointsAt(`https://${from.host}`) : undefined;
      const endpoints = publicUrl?.startsWith('https:') ? public_ : own;
      // §"Implementation Notes": readable for pages of any origin.
      response.setHeader('Access-Control-Allow-Origin', '*');
      if (request.method === 'OPTIONS') return preflight(request, response);
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('Allow', 'GET, HEAD, OPTIONS');
        return answer(request, response, 405, 'text/plain; charset=utf-8', 'Only GET.\n');
      }
      if (endpoints === undefined)
        return answer(request, response, 404, 'text/plain; charset=utf-8', 'Only over HTTPS.\n');
      answer(request, response, 200, type, write(endpoints));
    };
  };
  const handlers = new Map<string, Handler>([
    ...options.pages,
    [paths.bosh, (request, response, from) => bosh.handle(request, response, from)],
    [paths.websocket, upgradeRequired],
    ['/.well-known/host-meta', hostMeta('application/xrd+xml; charset=utf-8', writeXrd)],
    ['/.well-known/host-meta.json', hostMeta('application/json; charset=utf-8', writeJrd)],
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

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(request.method === 'HEAD' ? undefined : text);
}

/** What a browser asks before it reads the document for a page from elsewhere. */
function preflight(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers['access-control-request-private-network'] === 'true') {
    response.setHeader('Access-Control-Allow-Private-Network', 'true');
  }
  response.writeHead(204, {
    Allow: 'GET, HEAD, OPTIONS',
    'Access-Control-Allow-Methods': 'GET, HEAD',
    'Access-Control-Allow-Headers': 'Accept, Content-Type',
    'Access-Control-Max-Age': '7200',
  });
  response.end();
}

function upgradeRequired(request: IncomingMessage, response: ServerResponse): void {
  // RFC 9110 §7.8: `Upgrade` goes with `Connection`.
  response.setHeader('Connection', 'Upgrade');
  response.setHeader('Upgrade', 'websocket');
  answer(request, response, 426, 'text/plain; charset=utf-8', 'XMPP over WebSocket (RFC 7395).\n');
}
