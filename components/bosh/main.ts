import { readFileSync } from 'node:fs';
import { Server as SecureServer } from 'node:https';
import { type ProcessContext, runProcess } from '../../shared/cli/process.js';
import type { Component } from '../../shared/component/component.js';
import { componentOptions } from '../../shared/component/process.js';
import { createComponent } from '../../shared/component/runtime.js';
import { hostToListen, portToListen } from '../../shared/settings/kinds.js';
import { ServerCertificates } from '../../shared/tls/server-certificates.js';
import { composeBosh } from './bosh.js';
import { pageHandlers } from './http/page.js';
import type { WebServer } from './http/web-server.js';
import { defaultLimits } from './session/limits.js';
import { settings as definition } from './settings.js';
import { LinkUpstream } from './upstreams/link/link.js';
import { ProxyUpstream } from './upstreams/proxy/proxy.js';
import type { Upstream } from './upstreams/upstream.js';

await runProcess({
  name: 'bosh',
  definition,
  async start(context) {
    const { settings, log, metrics, setReadiness } = context;
    const { upstream, component } = upstreamOf(context);
    await upstream.start();

    const bosh = composeBosh({
      upstream,
      limits: {
        ...defaultLimits,
        wait: settings.BOSH_WAIT,
        hold: settings.BOSH_HOLD,
        inactivity: settings.BOSH_INACTIVITY,
        polling: settings.BOSH_POLLING,
        maxpause: settings.BOSH_MAXPAUSE,
        stanzaBytes: settings.BOSH_STANZA_BYTES,
        bodyBytes: settings.BOSH_BODY_BYTES,
        sessions: settings.BOSH_MAX_SESSIONS,
        connections: settings.BOSH_MAX_CONNECTIONS,
        sessionsPerAddress: settings.BOSH_MAX_SESSIONS_PER_ADDRESS,
      },
      origins: settings.BOSH_CORS_ORIGINS,
      trustedProxies: settings.BOSH_TRUSTED_PROXIES,
      publicUrl: settings.BOSH_PUBLIC_URL,
      requireTls: settings.BOSH_REQUIRE_TLS,
      compress: settings.BOSH_COMPRESSION,
      instance: settings.BOSH_INSTANCE ?? '',
      pingSeconds: settings.BOSH_PING,
      log,
      metrics,
      pages: settings.BOSH_PAGE
        ? pageHandlers({ domain: settings.CORE_DOMAIN[0] ?? 'localhost', ready: () => upstream.ready })
        : new Map(),
    });

    const { addresses, certificates } = await listen(bosh.server, context);
    if (component !== undefined) {
      setReadiness({ ready: false, reason: 'not connected to the core yet' });
      // Not awaited: a core that is down must not keep this process from answering about itself.
      component.start().catch(() => undefined);
    }

    return {
      addresses,
      status: () => ({
        upstream: upstream.name,
        upstreamReady: upstream.ready,
        boshSessions: bosh.sessions.boshCount,
        sessions: bosh.sessions.size,
        ...(component === undefined
          ? {}
          : { domain: component.domain, connected: component.health.connected }),
      }),
      async reload() {
        await certificates?.reload();
      },
      async drain() {
        certificates?.close();
        await bosh.drain();
        await component?.stop('restart');
      },
    };
  },
});

type Context = ProcessContext<(typeof definition)['entries']>;

/** Where the clients' streams lead: the core by the client link, or another XMPP server by TCP. */
function upstreamOf(context: Context): { upstream: Upstream; component?: Component } {
  const { settings, log, setReadiness } = context;
  if (settings.BOSH_UPSTREAM !== 'core') {
    const caPath = settings.BOSH_UPSTREAM_CA;
    const upstream = new ProxyUpstream({
      address: settings.BOSH_UPSTREAM,
      domains: settings.BOSH_DOMAINS,
      routes: settings.BOSH_ROUTES,
      tls: settings.BOSH_UPSTREAM_TLS,
      ca: caPath === undefined ? undefined : readFileSync(caPath, 'utf8'),
      allowPlain: settings.BOSH_ALLOW_PLAIN,
      stanzaBytes: settings.BOSH_STANZA_BYTES,
      log,
    });
    return { upstream };
  }
  const component = createComponent({
    ...componentOptions('bosh', settings, context),
    gaveUp: (reason) => setReadiness({ ready: false, reason }),
  });
  component.disco.identity({ category: 'component', type: 'c2s', name: 'BOSH and WebSocket' });
  const upstream = new LinkUpstream({
    component,
    serverDomain: settings.CORE_DOMAIN[0] ?? 'localhost',
    stanzaBytes: settings.BOSH_STANZA_BYTES,
    log,
    state: (problem) =>
      setReadiness(problem === undefined ? { ready: true } : { ready: false, reason: problem }),
  });
  return { upstream, component };
}

/** Opens the listeners that are on; `addresses` are the real ones. */
async function listen(
  server: WebServer,
  { settings, log, metrics }: Context,
): Promise<{ addresses: Record<string, string>; certificates: ServerCertificates | undefined }> {
  const host = hostToListen(settings.LISTEN_HOST);
  const addresses: Record<string, string> = {};
  const plainPort = portToListen(settings.BOSH_PORT);
  if (plainPort !== null) {
    const { port } = await server.listen(plainPort, host);
    addresses['http'] = `${settings.LISTEN_HOST}:${port}`;
  }
  const securePort = portToListen(settings.BOSH_TLS_PORT);
  if (securePort === null) return { addresses, certificates: undefined };
  const certificates = await ServerCertificates.open({
    settings,
    domains: settings.CORE_DOMAIN,
    dataFolder: settings.DATA_DIR,
    log,
    metrics,
  });
  const secure = await server.listen(securePort, host, certificates.serverOptions());
  addresses['https'] = `${settings.LISTEN_HOST}:${secure.port}`;
  const https = secure.server;
  if (https instanceof SecureServer)
    certificates.onChange(() => https.setSecureContext(certificates.serverOptions()));
  return { addresses, certificates };
}
