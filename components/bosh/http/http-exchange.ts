import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { gzip } from 'node:zlib';
import type { Exchange, ExchangeResponse } from '../session/exchange.js';

/** Bodies below this size (bytes) gain nothing from compression. */
const worthCompressing = 1024;

/** Header fields in a flat list, name and value in turn: what `writeHead` takes with the least work. */
export type HeaderList = readonly string[];

interface HttpExchangeOptions {
  readonly secure: boolean;
  /** May be compressed, if the client takes that. */
  readonly compress: boolean;
  /** What the response carries beside its type and length. */
  readonly headers: HeaderList;
  /** What the response varies by, but for `Accept-Encoding`. */
  readonly vary: string | undefined;
}

/** One POST to the BOSH endpoint, waiting for its response. */
export class HttpExchange implements Exchange {
  readonly secure: boolean;
  readonly #response: ServerResponse;
  readonly #connection: Socket;
  readonly #gzip: boolean;
  readonly #headers: HeaderList;
  readonly #vary: string | undefined;
  #answered = false;
  #lost = false;
  #onLost: (() => void) | undefined;
  #written: (() => void) | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, options: HttpExchangeOptions) {
    this.#response = response;
    this.#connection = request.socket;
    this.secure = options.secure;
    this.#headers = options.headers;
    this.#vary = options.vary;
    this.#gzip = options.compress && acceptsGzip(request.headers['accept-encoding']);
    response.on('close', () => this.#closed());
  }

  /** The response has gone out, or the connection is gone before that. */
  #closed(): void {
    this.#lost = true;
    if (this.#answered) {
      // A response that a connection took to its grave is `finished` too.
      if (this.#response.writableFinished && !this.#connection.destroyed) this.#written?.();
    } else this.#onLost?.();
  }

  get alive(): boolean {
    return !this.#lost;
  }

  onLost(handler: () => void): void {
    this.#onLost = handler;
  }

  respond({ status, contentType, body }: ExchangeResponse, written?: () => void): void {
    if (this.#answered || this.#lost) return;
    this.#answered = true;
    this.#written = written;
    if (!this.#gzip || body.length < worthCompressing) {
      this.#send(status, contentType, body, Buffer.byteLength(body));
      return;
    }
    gzip(body, (error, compressed) => {
      if (this.#lost) return;
      if (error !== null) return this.#send(status, contentType, body, Buffer.byteLength(body));
      this.#send(status, contentType, compressed, compressed.length, 'gzip');
    });
  }

  drop(): void {
    this.#answered = true;
    this.#response.destroy();
  }

  /** XEP-0124 §"HTTP Overview": with a length, not chunked, since intermediaries may buffer chunks. */
  #send(status: number, contentType: string, body: string | Buffer, length: number, encoding?: string): void {
    const headers = [...this.#headers, 'Content-Type', contentType, 'Content-Length', String(length)];
    if (this.#gzip)
      headers.push('Vary', this.#vary === undefined ? 'Accept-Encoding' : `${this.#vary}, Accept-Encoding`);
    else if (this.#vary !== undefined) headers.push('Vary', this.#vary);
    if (encoding !== undefined) headers.push('Content-Encoding', encoding);
    this.#response.writeHead(status, headers);
    // Text of one byte a character need not be encoded.
    if (typeof body === 'string' && body.length === length) this.#response.end(body, 'latin1');
    else this.#response.end(body);
  }
}

let lastAccepted = '';
let lastVerdict = false;

/** Whether `Accept-Encoding` allows gzip (RFC 9110 §12.5.3). */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  if (header === undefined) return false;
  const text = String(header);
  // Browsers of one kind all say the same.
  if (text !== lastAccepted) {
    lastVerdict = judge(text);
    lastAccepted = text;
  }
  return lastVerdict;
}

function judge(header: string): boolean {
  let any = false;
  for (const part of header.toLowerCase().split(',')) {
    const [coding, ...parameters] = part.split(';').map((text) => text.trim());
    const refused = parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter));
    if (coding === 'gzip' || coding === 'x-gzip') return !refused;
    if (coding === '*') any = !refused;
  }
  return any;
}
