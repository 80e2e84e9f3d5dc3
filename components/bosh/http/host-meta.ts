import type { IncomingMessage, ServerResponse } from 'node:http';
import { escapeAttribute } from '../../../shared/xml/escape.js';
import { answer } from './plain-answer.js';
import type { Handler } from './web-server.js';

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
function writeXrd(endpoints: Endpoints): string {
  const links = relations.map(
    ([relation, kind]) => `  <Link rel="${relation}" href="${escapeAttribute(endpoints[kind])}"/>\n`,
  );
  return `<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n${links.join('')}</XRD>\n`;
}

/** `/.well-known/host-meta.json` (RFC 6415 appendix A). */
function writeJrd(endpoints: Endpoints): string {
  return `${JSON.stringify({ links: relations.map(([rel, kind]) => ({ rel, href: endpoints[kind] })) }, null, 2)}\n`;
}

/** The paths of both documents. Without the operator's URL they name the host that was asked. */
export function hostMetaHandlers(publicUrl: string | undefined): [path: string, handler: Handler][] {
  const configured = publicUrl?.startsWith('https:') ? endpointsAt(publicUrl) : undefined;
  const hostMeta = (type: string, write: typeof writeXrd): Handler => {
    return (request, response, from) => {
      // XEP-0156 §"Business Rules": only https: and wss: may be told.
      const own = from.encrypted && from.host !== undefined ? endpointsAt(`https://${from.host}`) : undefined;
      const endpoints = configured ?? own;
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
  return [
    ['/.well-known/host-meta', hostMeta('application/xrd+xml; charset=utf-8', writeXrd)],
    ['/.well-known/host-meta.json', hostMeta('application/json; charset=utf-8', writeJrd)],
  ];
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
