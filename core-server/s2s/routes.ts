import { prepareDomain } from '../../shared/xmpp/jid.js';
import { SERVER_PORT, type Target } from './targets.js';

/** Reads `host:port`, `host`, `[IPv6]:port`. Null where it is none of these. */
export function parseHost(text: string): Target | null {
  return parseRoute(`*=${text.trim()}`)?.[1] ?? null;
}

const ROUTE = /^([^=\s]+)=(tls:\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;

/** Reads `domain=host:port` (`domain=tls://host:port`); the domain `*` is everybody's. Null where it is neither. */
export function parseRoute(text: string): readonly [domain: string, target: Target] | null {
  const [, domainText = '', direct, literal, name, port] = ROUTE.exec(text.trim()) ?? [];
  const domain = domainText === '*' ? '*' : prepareDomain(domainText);
  const host = literal ?? name;
  const number = port === undefined ? SERVER_PORT : Number(port);
  if (domain === null || host === undefined || number < 1 || number > 65535) return null;
  return [domain, { host, port: number, direct: direct !== undefined, fallback: false }];
}

/** Reads the setting S2S_ROUTES. Throws a TypeError that names the first that cannot be read. */
export function parseRoutes(texts: readonly string[]): Map<string, Target> {
  return new Map(
    texts.map((text) => {
      const route = parseRoute(text);
      if (route === null) throw new TypeError(`S2S_ROUTES: expected domain=host:port, got ${text}`);
      return route;
    }),
  );
}
