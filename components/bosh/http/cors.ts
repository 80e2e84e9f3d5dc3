import type { IncomingMessage } from 'node:http';
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
    // RFC 6454 §6.2: an origin leaves the usual port out, `Host` may name it.
    const host = from.host.toLowerCase().replace(from.encrypted ? /:443$/ : /:80$/, '');
    return origin.toLowerCase() === `${from.encrypted ? 'https' : 'http'}://${host}`;
  }

  /**
   * The response headers of the Fetch standard's CORS protocol; null where the request's origin is not allowed. Requests
   * that do not come from a page of another origin need none.
   */
  headersFor(request: IncomingMessage, from: RequestOrigin): Readonly<Record<string, string>> | null {
    const { origin } = request.headers;
    if (origin === undefined) return none;
    if (!this.allows(origin, from)) return null;
    const allowed = { Vary: 'Origin', 'Access-Control-Allow-Origin': this.#any ? '*' : origin };
    if (request.method !== 'OPTIONS') return allowed;
    // Private Network Access: a page from the public net may speak to this host, which is not in it.
    const isPrivate = request.headers['access-control-request-private-network'] === 'true';
    return {
      ...allowed,
      ...(isPrivate ? { 'Access-Control-Allow-Private-Network': 'true' } : {}),
      'Access-Control-Allow-Methods': 'POST, GET, OPTIONS',
      'Access-Control-Allow-Headers': 'Content-Type, Content-Encoding',
      'Access-Control-Max-Age': '7200',
    };
  }
}

const none = {};
