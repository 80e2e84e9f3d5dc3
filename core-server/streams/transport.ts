import type { TLSSocket } from 'node:tls';
import type { Element } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamHeader, XmlLimits } from '../../shared/xml/stream-parser.js';
import type { StreamErrorCondition } from '../../shared/xmpp/stream-error.js';

/** What a peer may send, and what may wait for it. */
export interface StreamLimits extends XmlLimits {
  /** Bytes of text for a peer that does not read (a single text always may be larger); beyond them it is let go. */
  readonly outboundBytes: number;
  /** How many times a client's share of each turn it gets when there is more than can be done (1). */
  readonly weight?: number;
}

/**
 * What carries one stream: XML over a TCP or TLS socket (`socket-transport.ts`), or one stream of the client link.
 * It frames and validates; the stream above it (client, component, server) negotiates.
 */
export interface Transport {
  readonly kind: 'socket' | 'client-link';
  readonly remoteAddress: string;
  /** Whether eavesdroppers are kept out: TLS here, or a hop that a granted client link calls secure. */
  readonly secure: boolean;
  /** The TLS socket underneath, for certificates and channel bindings; null without TLS of our own. */
  readonly tls: TLSSocket | null;
  readonly compressed: boolean;
  /** Bytes (UTF-16 units for what is not encoded yet) accepted by {@link send} that the peer's kernel has not taken. */
  readonly queuedBytes: number;
  handler: TransportHandler;

  sendHeader(header: OutgoingHeader): void;
  /** Queues wire text; all text of one turn of the event loop leaves in one write. */
  send(text: string): void;
  /** Calls back once when everything sent so far has been handed to the kernel (never, when the transport is lost before). */
  afterFlush(callback: () => void): void;
  /** The peer must begin a new stream next (RFC 6120 §4.3.3). */
  expectRestart(): void;
  setLimits(limits: StreamLimits): void;
  /** Stops reading, for back-pressure or while one step waits; what is in flight is kept, in order. */
  pause(): void;
  resume(): void;
  /** Only sockets: whether {@link TransportHandler.whitespace} is called; at first it is not. */
  watchWhitespace?(on: boolean): void;
  /** Sends the closing tag and waits a bounded time for the peer's. */
  close(): void;
  /** Sends a stream error and the closing tag (RFC 6120 §4.9.1.1), the header too if it was not sent yet (§4.9.1.2). */
  fail(condition: StreamErrorCondition, text?: string, application?: Element): void;
  /** Drops the connection without another word. */
  destroy(): void;
  /** Only sockets: continues inside TLS after `beforeText` has been written in the clear. */
  startTls?(beforeText: string, domain: string | null): void;
  /** Only sockets: continues inside zlib (XEP-0138) after `beforeText`. */
  startCompression?(beforeText: string): void;
}

/** The stream above a transport. */
export interface TransportHandler {
  /** Whose stream this is, where one owner may have several: together they get what one gets. */
  readonly owner?: object;
  streamOpened(header: StreamHeader): void;
  stanzaReceived(stanza: Stanza): void;
  /** White space between elements; only where {@link Transport.watchWhitespace} asked for it. */
  whitespace?(): void;
  /** The peer closed its stream in order; the transport answers with ours by itself, then `lost` follows. */
  streamClosed(): void;
  /** Nothing comes after this. `reason` is for the log. */
  lost(reason: string): void;
  /** The transport can take more again after `queuedBytes` was above its high-water mark. */
  drained(): void;
}

/** Before there is a stream above. */
export const silentHandler: TransportHandler = {
  streamOpened() {},
  stanzaReceived() {},
  streamClosed() {},
  lost() {},
  drained() {},
};

/** Attributes of a stream header that we send; `id` only as the receiving entity (RFC 6120 §4.7.3). */
export interface OutgoingHeader {
  readonly contentNamespace: string;
  readonly from?: string;
  readonly to?: string;
  readonly id?: string;
  readonly lang?: string;
  /** Absent for peers that sent none: they are before XMPP 1.0 and get no features. */
  readonly version?: '1.0';
  /** More namespace declarations, as `xmlns:db='jabber:server:dialback'`. */
  readonly declarations?: string;
}
