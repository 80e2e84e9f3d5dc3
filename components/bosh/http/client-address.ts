import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { AddressList } from '../../../shared/net/address-list.js';
import { isLoopback } from '../../../shared/net/loopback.js';
import { withoutMapping } from '../../../shared/net/mapped.js';

/** Where a request really comes from. */
export interface RequestOrigin {
  readonly address: string;
  /** The client speaks TLS, with us or with a proxy that says so and is trusted. */
  readonly encrypted: boolean;
  /** Nobody can listen on the way: encrypted, or it never leaves this machine. */
  readonly secure: boolean;
  /** `Host` as the client sent it. */
  readonly host: string | undefined;
}

/** Reverse proxies whose `X-Forwarded-*` headers are believed, by address or network. */
export class TrustedProxies {
  readonly #list: AddressList;

  /** Throws a RangeError where an entry is neither an address nor a network (`10.0.0.0/8`, `::1`). */
  constructor(entries: readonly string[]) {
    this.#list = new AddressList(entries);
  }

  has(address: string): boolean {
    return this.#list.has(address);
  }

  /**
   * Who sent a request. Each proxy appends the address it saw to `X-Forwarded-For`, so the list is believed from its end
   * for as long as those who speak are trusted; what stands before that is anybody's claim.
   */
  originOf(request: IncomingMessage): RequestOrigin {
    const encrypted = 'encrypted' in request.socket && request.socket.encrypted === true;
    let address = plain(request.socket.remoteAddress ?? '');
    const { host } = request.headers;
    // A proxy on this machine adds one of these; without any, the client itself is here.
    const isLocal = isLoopback(address) && !forwarding.some((name) => request.headers[name] !== undefined);
    if (isLocal) return { address, encrypted, secure: true, host };
    if (!this.has(address)) return { address, encrypted, secure: encrypted, host };
    const forwarded = header(request, 'x-forwarded-for')?.split(',') ?? [];
    while (this.has(address)) {
      const previous = plain(forwarded.pop()?.trim() ?? '');
      if (isIP(previous) === 0) break;
      address = previous;
    }
    const protocol = header(request, 'x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase();
    const secure = protocol === undefined ? encrypted : protocol === 'https' || protocol === 'wss';
    const forwardedHost = header(request, 'x-forwarded-host')?.split(',').at(-1)?.trim();
    return { address, encrypted: secure, secure, host: forwardedHost ?? host };
  }
}

const forwarding = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'via',
  'x-real-ip',
];

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

/** `::ffff:192.0.2.1`, `192.0.2.1:4321` and `[2001:db8::1]:4321` as bare addresses. */
function plain(text: string): string {
  if (!text.includes(':')) return text;
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text);
  return withPort?.[1] ?? withoutMapping(text);
}
