import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import type { Counter, Logger } from '../../../shared/observability/types.js';
import { prepareDomain } from '../../../shared/xmpp/jid.js';
import { BodyError, BodyReader, type BodyRequest } from '../session/body-request.js';
import { writeTerminal } from '../session/body-response.js';
import { legacyStatusOf, type TerminalCondition } from '../session/conditions.js';
import type { BoshLimits } from '../session/limits.js';
import { isContentType, negotiate } from '../session/negotiation.js';
import type { SessionTable } from '../session/session-table.js';
import type { Upstream } from '../upstreams/upstream.js';
import type { RequestOrigin } from './client-address.js';
import type { AllowedOrigins, CorsHeaders } from './cors.js';
import { type HeaderList, HttpExchange } from './http-exchange.js';

const xmlType = 'text/xml; charset=utf-8';
const methods = 'POST, GET, HEAD, OPTIONS';
/** Answers say who is online and what they write: no shared cache may keep one, no browser may run one. */
const always: HeaderList = [
  'Cache-Control',
  'no-store',
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  "default-src 'none'; sandbox; frame-ancestors 'none'",
];
/** What is read and thrown away of a body that was refused, so that the client gets to read the answer. */
const mostDiscarded = 4_194_304;

interface BoshEndpointOptions {
  readonly sessions: SessionTable;
  readonly upstream: Upstream;
  readonly limits: BoshLimits;
  readonly origins: AllowedOrigins;
  readonly compress: boolean;
  /** Where clients that came without TLS are sent; undefined: they are welcome. */
  readonly secureUri: string | undefined;
  readonly log: Logger;
  readonly requests: Counter;
  readonly stopping: () => boolean;
}

/** `/http-bind`: XEP-0124 over HTTP. */
export class BoshEndpoint {
  readonly #options: BoshEndpointOptions;

  constructor(options: BoshEndpointOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse, from: RequestOrigin) {
    const cors = this.#options.origins.headersFor(request, from);
    switch (request.method) {
      case 'OPTIONS':
        if (cors === null) return refuse(response, 403, 'This origin is not allowed here.\n');
        // RFC 9110 §8.6: no Content-Length with 204.
        response.writeHead(204, [...always, ...cors.list, ...varying(cors), 'Allow', methods]);
        response.end();
        return;
      case 'GET':
      case 'HEAD':
        return explain(request, response);
      case 'POST':
        if (cors !== null) return this.#read(request, response, from, cors);
        return refuse(response, 403, 'This origin is not allowed here.\n');
      default:
        response.setHeader('Allow', methods);
        refuse(response, 405, 'Only POST.\n');
    }
  }

  #read(request: IncomingMessage, response: ServerResponse, from: RequestOrigin, cors: CorsHeaders) {
    const { limits, upstream, compress, requests, log, sessions } = this.#options;
    requests.inc();
    const headers = cors.list.length === 0 ? always : [...always, ...cors.list];
    const terms = { secure: from.secure, compress, headers, vary: cors.vary };
    const exchange = new HttpExchange(request, response, terms);
    const decoder = decoderOf(request.headers['content-encoding']);
    let done = false;
    const finish = (result: BodyRequest | BodyError) => {
      if (done) return;
      done = true;
      try {
        if (result instanceof BodyError) this.#refused(result, exchange, from);
        else this.#dispatch(result, exchange, from);
      } catch (error) {
        // A defect of ours costs one session.
        log.error({ code: 'bosh.request-failed', error }, 'a request failed');
        const session = result.sid === undefined ? undefined : sessions.find(result.sid);
        if (session === undefined) say(exchange, 'internal-server-error', false);
        else session.fail('internal-server-error', exchange);
      }
    };
    if (decoder === null) {
      request.resume();
      return finish(new BodyError('bad-request', 'unknown content encoding', undefined));
    }
    const reader = new BodyReader({ bodyBytes: limits.bodyBytes, element: upstream.limits });
    let discarded = 0;
    const take = (chunk: Buffer) => {
      if (done) {
        discarded += chunk.length;
        if (discarded > mostDiscarded) request.destroy();
      } else if (!reader.write(chunk)) {
        response.setHeader('Connection', 'close');
        finish(reader.end());
        if (decoder !== undefined) {
          request.unpipe(decoder);
          decoder.destroy();
          request.on('data', take);
        }
      }
    };
    const source = decoder === undefined ? request : request.pipe(decoder);
    // A pipe leaves its end as it is when its source breaks off.
    if (decoder !== undefined) request.once('close', () => request.complete || decoder.destroy());
    source.on('data', take);
    source.on('end', () => done || finish(reader.end()));
    source.on('error', () => {
      if (decoder === undefined) return;
      response.setHeader('Connection', 'close');
      finish(new BodyError('bad-request', 'cannot be decompressed', undefined));
      request.resume();
    });
  }

  /** A body that is wrong ends the session it names, and no other. */
  #refused(error: BodyError, exchange: HttpExchange, from: RequestOrigin): void {
    const { log, sessions } = this.#options;
    log.debug({ code: 'bosh.bad-body', address: from.address, reason: error.reason }, 'a body was refused');
    const session = error.sid === undefined ? undefined : sessions.find(error.sid);
    if (session === undefined) say(exchange, error.condition, false);
    else if (session.origin.secure && !exchange.secure) exchange.drop();
    else session.fail(error.condition, exchange);
  }

  #dispatch(request: BodyRequest, exchange: HttpExchange, from: RequestOrigin) {
    if (request.sid === undefined) return this.#create(request, exchange, from);
    const session = this.#options.sessions.find(request.sid);
    if (session === undefined) return say(exchange, 'item-not-found', false);
    session.receive(request, exchange);
  }

  /** XEP-0124 §"Session Creation Request". */
  #create(request: BodyRequest, exchange: HttpExchange, from: RequestOrigin) {
    const { upstream, limits, sessions, secureUri } = this.#options;
    const legacy = request.ver === undefined;
    // A client that can read one Content-Type only must be able to read a refusal.
    const type = isContentType(request.content) ? request.content : xmlType;
    const refused = (condition: TerminalCondition) => say(exchange, condition, legacy, type);
    if (this.#options.stopping()) return refused('system-shutdown');
    if (secureUri !== undefined && !from.secure) {
      const body = writeTerminal('see-other-uri', '', secureUri);
      return exchange.respond({ status: 200, contentType: type, body });
    }
    const terms = negotiate(request, limits);
    if (typeof terms === 'string') return refused(terms);
    const domain = prepareDomain(request.to ?? '');
    if (domain === null || !upstream.serves(domain)) return refused('host-unknown');
    if (!upstream.ready) return refused('remote-connection-failed');
    const origin = { transport: 'bosh', address: from.address, secure: from.secure } as const;
    const session = sessions.create({ ...request, to: domain }, exchange, { terms, origin, upstream });
    if (typeof session === 'string') refused(session);
  }
}

function varying({ vary }: CorsHeaders): HeaderList {
  return vary === undefined ? [] : ['Vary', vary];
}

/** Tells a terminal condition to a client that has no session. */
function say(
  exchange: HttpExchange,
  condition: TerminalCondition,
  legacy: boolean,
  contentType = xmlType,
): void {
  const status = legacy ? legacyStatusOf(condition) : undefined;
  exchange.respond(
    status === undefined
      ? { status: 200, contentType, body: writeTerminal(condition) }
      : { status, contentType, body: '' },
  );
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  });
  response.end(text);
}

/** XEP-0124 §"Session Creation Response", `accept`; undefined for plain, null for one we cannot undo. */
function decoderOf(encoding: string | undefined): Transform | undefined | null {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    default:
      return null;
  }
}

const explanation = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>BOSH endpoint</title>
<h1>It works</h1>
<p>This is a BOSH endpoint (XEP-0124, XEP-0206): XMPP clients in browsers use it by POST. There is nothing to see for
people here; point your client at this address.</p>
</html>
`;

/** A person who opens the address in a browser should learn that it works. */
function explain(request: IncomingMessage, response: ServerResponse): void {
  const length = String(Buffer.byteLength(explanation));
  response.writeHead(200, [
    ...always,
    ...['Content-Type', 'text/html; charset=utf-8', 'Content-Length', length],
  ]);
  response.end(request.method === 'HEAD' ? undefined : explanation);
}
