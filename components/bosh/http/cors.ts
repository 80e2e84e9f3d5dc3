import type { IncomingMessage } from 'node:http';
import type { RequestOrigin } from './client-address.js';

/** What a response carries for the sake of a page's origin: fields in a flat list, and what it varies by. */
export interface CorsHeaders {
  readonly list: readonly string[];
  readonly vary: string | undefined;
}

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
   * The response headers of the Fetch standard's CORS protocol (but `Vary`); null where the request's origin is not
   * allowed. Requests that do not come from a page need none.
   */
  headersFor(request: IncomingMessage, from: RequestOrigin): CorsHeaders | null {
    const { origin } = request.headers;
    if (origin === undefined) return none;
    if (!this.allows(origin, from)) return null;
    const allowed = ['Access-Control-Allow-Origin', this.#any ? '*' : origin];
    if (request.method !== 'OPTIONS') return { list: allowed, vary: 'Origin' };
    // Private Network Access: a page from the public net may speak to this host, which is not in it.
    const isPrivate = request.headers['access-control-request-private-network'] === 'true';
    if (isPrivate) allowed.push('Access-Control-Allow-Private-Network', 'true');
    allowed.push('Access-Control-Allow-Methods', 'POST, GET, OPTIONS');
    allowed.push('Access-Control-Allow-Headers', 'Content-Type, Content-Encoding');
    allowed.push('Access-Control-Max-Age', '7200');
    return { list: allowed, vary: 'Origin' };
  }
}

const none: CorsHeaders = { list: [], vary: undefined };
