import { escapeAttribute } from '../../../shared/xml/escape.js';

/** Where clients find us, as URLs of BOSH and WebSocket. */
interface Endpoints {
  readonly bosh: string;
  readonly websocket: string;
}

export const paths = { bosh: '/http-bind', websocket: '/xmpp-websocket' } as const;

/** The endpoints below a base URL such as `https://chat.example.com`. */
export function endpointsAt(base: string): Endpoints {
  return {
    bosh: `${base}${paths.bosh}`,
    websocket: `${base.replace(/^http/i, 'ws')}${paths.websocket}`,
  };
}

const relations = [
  ['urn:xmpp:alt-connections:xbosh', 'bosh'],
  ['urn:xmpp:alt-connections:websocket', 'websocket'],
] as const;

/** `/.well-known/host-meta` (XEP-0156, RFC 6415). */
export function writeXrd(endpoints: Endpoints): string {
  const links = relations.map(
    ([relation, kind]) => `  <Link rel="${relation}" href="${escapeAttribute(endpoints[kind])}"/>\n`,
  );
  return `<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n${links.join('')}</XRD>\n`;
}

/** `/.well-known/host-meta.json` (RFC 6415 appendix A). */
export function writeJrd(endpoints: Endpoints): string {
  return `${JSON.stringify({ links: relations.map(([rel, kind]) => ({ rel, href: endpoints[kind] })) }, null, 2)}\n`;
}
