import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestOrigin } from './client-address.js';

/** Which web origins (RFC 6454) may use this service from a browser. */
export class AllowedOrigins {
  readonly #any: boolean;
  readonly #origins: ReadonlySet<string>;

  /** `*` allows all; otherwise `https://chat.example.com`, each exactly. */
  constructor(origins: readonly string[]) {
    this.#any = origins.includes('*');
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase()));
  }

  /** Whether a page of that origin may; a page served by ourselves always may. */
  allows(origin: string, from: RequestOrigin): boolean {
    if (this.#any || this.#origins.has(origin.toLowerCase())) return true;
    if (from.host === undefined) return false;
    return origin.toLowerCase() === `${from.encrypted ? 'https' : 'http'}://${from.host.toLowerCase()}`;
  }

  /** Sets the response headers of the Fetch standard's CORS protocol, where the request's origin is allowed. */
  apply(request: IncomingMessage, response: ServerResponse, from: RequestOrigin): boolean {
    const { origin } = request.headers;
    if (origin === undefined) return true;
    response.setHeader('Vary', 'Origin');
    if (!this.allows(origin, from)) return false;
    response.setHeader('Access-Control-Allow-Origin', this.#any ? '*' : origin);
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Methods', 'POST, GET, OPTIONS');
      response.setHeader('Access-Control-Allow-Headers', 'Content-Type, Content-Encoding');
      response.setHeader('Access-Control-Max-Age', '7200');
    }
    return true;
  }
}
