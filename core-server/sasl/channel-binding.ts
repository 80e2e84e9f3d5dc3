import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { endPointHash } from '../../shared/tls/signature-hash.js';

/** The channel bindings of one TLS connection (RFC 5056). */
export interface ChannelBindingSource {
  /** What can be offered on it, strongest first (XEP-0440). */
  readonly types: readonly string[];
  /** The channel's data of one of the types, null for any other. */
  data(type: string): Buffer | null;
}

interface ChannelBindingOptions {
  /**
   * Offer `tls-unique` on TLS 1.2: MUST be had where any binding is (RFC 5802 §6.1). Clients without XEP-0440 that find
   * PLUS use it (gloox) and get in no other way. A setting, for it says nothing without the extended master secret.
   */
  readonly tlsUnique: boolean;
}

/**
 * The channel bindings of the server's end of a connection whose handshake is complete. Most clients use one or none: the
 * data are made when asked for.
 */
export function channelBindingOf(socket: TLSSocket, options: ChannelBindingOptions): ChannelBindingSource {
  const makers = new Map<string, () => Buffer | null>();
  if (socket.getProtocol() === 'TLSv1.3') makers.set('tls-exporter', () => exported(socket));
  const unique = options.tlsUnique ? finished(socket) : null;
  if (unique) makers.set('tls-unique', () => unique);
  if (hasEndPoint(socket)) makers.set('tls-server-end-point', () => serverEndPoint(socket));
  const types = [...makers.keys()];
  if (options.tlsUnique && !unique) makers.set('tls-unique', () => finishedUnasked(socket));
  return { types, data: (type) => makers.get(type)?.() ?? null };
}

/**
 * RFC 9266. On TLS 1.3 only: before it the export differs between no and an empty context, and it is unsafe without
 * the extended master secret, which Node does not show.
 */
function exported(socket: TLSSocket): Buffer {
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
}

/**
 * RFC 5929 §3: the first Finished message of the most recent handshake. In a full handshake the client sends it, in a
 * resumed one the server: those are left out. There is no renegotiation (`SECURE_OPTIONS`).
 */
function finished(socket: TLSSocket): Buffer | null {
  if (socket.getProtocol() !== 'TLSv1.2' || socket.isSessionReused()) return null;
  return socket.getPeerFinished() ?? null;
}

/**
 * The same on TLS 1.3, for which nobody has defined `tls-unique` (RFC 9266 §1): never offered, but taken from clients that know no
 * other binding (slixmpp), which then deny that PLUS was offered, are refused, and end with PLAIN. The client's Finished is
 * made of the whole handshake there, so that nobody in the middle has the same on both of his connections.
 */
function finishedUnasked(socket: TLSSocket): Buffer | null {
  if (socket.getProtocol() !== 'TLSv1.3' || socket.isSessionReused()) return null;
  return socket.getPeerFinished() ?? null;
}

/**
 * RFC 5929 §4: of the certificate that was in fact served on this connection. A resumed handshake serves none and
 * leaves the default one on the socket, while the client remembers the one it saw first: then there is no binding.
 */
function serverEndPoint(socket: TLSSocket): Buffer | null {
  if (socket.isSessionReused()) return null;
  // not `getCertificate`, which takes the whole certificate apart
  const der = socket.getX509Certificate()?.raw;
  if (der === undefined) return null;
  if (last?.der.equals(der) !== true) {
    const hash = endPointHash(der);
    last = { der, hashed: hash ? createHash(hash).update(der).digest() : null };
  }
  return last.hashed;
}

/** How long it is remembered what kind of certificate a name is served with. */
const KNOWN_MILLISECONDS = 60_000;
const KNOWN_NAMES = 1000;
const known = new Map<string, { readonly until: number; readonly has: boolean }>();

/**
 * Whether the certificate has a hash of its own to bind to; nearly all do. To have it from the socket takes a third of a
 * millisecond, a fourth of the log-in, so what was found for the same name (SNI) lately is taken for what is offered; the data
 * are always those of the socket's own certificate.
 */
function hasEndPoint(socket: TLSSocket): boolean {
  if (socket.isSessionReused()) return false;
  const { servername } = socket as TLSSocket & { readonly servername?: string | false };
  const name = servername || '';
  const found = known.get(name);
  const now = performance.now();
  if (found !== undefined && now < found.until) return found.has;
  if (known.size >= KNOWN_NAMES) known.clear();
  const has = serverEndPoint(socket) !== null;
  known.set(name, { until: now + KNOWN_MILLISECONDS, has });
  return has;
}

/** Servers have few certificates, and most connections one of them. */
let last: { readonly der: Buffer; readonly hashed: Buffer | null } | undefined;
