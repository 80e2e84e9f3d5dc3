import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import type { Exchange, ExchangeResponse } from '../session/exchange.js';

/** Bodies below this size (bytes) gain nothing from compression. */
const worthCompressing = 1024;

/** One POST to the BOSH endpoint, waiting for its response. */
export class HttpExchange implements Exchange {
  readonly secure: boolean;
  readonly #response: ServerResponse;
  readonly #gzip: boolean;
  readonly #headers: Readonly<Record<string, string>>;
  #answered = false;
  #lost = false;
  #onLost: (() => void) | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: { secure: boolean; compress: boolean; headers: Readonly<Record<string, string>> },
  ) {
    this.#response = response;
    this.secure = options.secure;
    this.#headers = options.headers;
    this.#gzip = options.compress && acceptsGzip(request.headers['accept-encoding']);
    response.on('close', () => {
      this.#lost = true;
      if (!this.#answered) this.#onLost?.();
    });
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
    if (written !== undefined) this.#response.on('finish', written);
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
    const headers: Record<string, string | number> = {
      ...this.#headers,
      'Content-Type': contentType,
      'Content-Length': length,
    };
    if (this.#gzip)
      headers['Vary'] = headers['Vary'] === undefined ? 'Accept-Encoding' : 'Origin, Accept-Encoding';
    if (encoding !== undefined) headers['Content-Encoding'] = encoding;
    this.#response.writeHead(status, headers);
    this.#response.end(body);
  }
}

/** Whether `Accept-Encoding` allows gzip (RFC 9110 §12.5.3). */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  if (header === undefined) return false;
  let any = false;
  for (const part of String(header).toLowerCase().split(',')) {
    const [coding, ...parameters] = part.split(';').map((text) => text.trim());
    const refused = parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter));
    if (coding === 'gzip' || coding === 'x-gzip') return !refused;
    if (coding === '*') any = !refused;
  }
  return any;
}
