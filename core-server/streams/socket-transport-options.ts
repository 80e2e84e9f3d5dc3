import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { StreamLimits } from './transport.js';

export interface SocketTransportOptions {
  /** The client's address where a proxy said it. */
  readonly remoteAddress?: string;
  readonly limits: StreamLimits;
  /** Content namespace for a header that we must send only to say an error (RFC 6120 §4.9.1.2). */
  readonly contentNamespace: string;
  /** `from` of such a header, where it is known before the peer's header is (default: none). */
  readonly domain?: string | undefined;
  /** Sustained input, after which reading pauses (never drops); 0 = unlimited. */
  readonly bytesPerSecond: number;
  /** Called when the peer is let go because it does not read. */
  readonly notReading: (address: string) => void;
  /** Makes a TLS socket of a plain one, as the server or as the client of the handshake. */
  readonly upgrade: ((socket: Socket, domain: string | null) => TLSSocket) | null;
  /** The handshake of TLS is begun at this end: it connected. */
  readonly speaksFirst?: boolean;
  /** Longest wait for the peer's closing tag and for the kernel to take our last words. */
  readonly closeMilliseconds: number;
  /** Hands on what the peer sends between our closing tag and its own (RFC 6120 §4.4). */
  readonly readsWhileClosing?: boolean;
}
