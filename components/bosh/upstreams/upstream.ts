import type { XmlLimits } from '../../../shared/xml/stream-parser.js';

/** Where a client's streams lead: our core by the client link, or any XMPP server's client port. */
export interface Upstream {
  /** What an operator calls it. */
  readonly name: string;
  /** Whether streams can be opened now. */
  readonly ready: boolean;
  /** What one element from a client may be at most: more would endanger what other clients share. */
  readonly limits: XmlLimits;
  start(): Promise<void>;
  /** Whether a stream to that domain can be asked for at all. */
  serves(domain: string): boolean;
  /**
   * Opens a stream for one client. Nothing is reported before the call has returned; a failure comes as
   * {@link UpstreamEvents.ended}.
   */
  open(header: ClientHeader, origin: ClientOrigin, events: UpstreamEvents): UpstreamStream;
  /** Ends what is still open and disconnects. */
  stop(): Promise<void>;
}

/** The client's stream header (RFC 6120 §4.7), however its transport spells it. */
export interface ClientHeader {
  readonly to: string;
  readonly from: string | undefined;
  readonly version: string | undefined;
  readonly lang: string | undefined;
  /** `route` of XEP-0124, where the client named one. */
  readonly route?: string | undefined;
}

/** Who the client is, as far as its transport shows. */
export interface ClientOrigin {
  readonly transport: 'bosh' | 'websocket';
  readonly address: string;
  /** Every hop from the client to us is encrypted. */
  readonly secure: boolean;
}

/** The server's stream header. */
export interface ServerHeader {
  readonly id: string | undefined;
  readonly from: string | undefined;
  readonly version: string | undefined;
  readonly lang: string | undefined;
}

/** One first-level element from the server. */
export interface ServerElement {
  readonly kind: 'features' | 'error' | 'other';
  /** Self-contained: declares every namespace it uses. Features and errors use the prefix `stream`. */
  readonly text: string;
  /** Cost for flow control. */
  readonly bytes: number;
}

/** Why a stream ended: undefined where the server ended it in order (a stream error may have come before). */
export type UpstreamEnd =
  | 'host-gone'
  | 'host-unknown'
  | 'internal-server-error'
  | 'remote-connection-failed'
  | 'system-shutdown'
  | undefined;

/** What the server does on one stream. */
export interface UpstreamEvents {
  opened(header: ServerHeader): void;
  element(element: ServerElement): void;
  /** After `send` answered false: reading from the client may go on. */
  writable(): void;
  /** Last of all, exactly once unless {@link UpstreamStream.close} was called. */
  ended(end: UpstreamEnd): void;
}

/** What happened to a client whose stream we end (docs/protocols/client-link.md §8). */
export type ClientEnd =
  | 'closed'
  | 'connection-lost'
  | 'policy-violation'
  | 'bad-request'
  | 'resource-constraint'
  | 'system-shutdown';

/** One client's stream to the server. Elements from the server are numbered from 1, over restarts. */
export interface UpstreamStream {
  /** Sends one self-contained element. False: taken, but read no more from this client before `writable`. */
  send(text: string): boolean;
  /** The client opens its stream anew (after SASL). */
  restart(header: ClientHeader): void;
  /** The client's connection took elements of `bytes` in all: as many more may come. */
  taken(bytes: number): void;
  /** All elements up to this number have reached the client. */
  acknowledged(count: number): void;
  /** Ends the stream. What was not acknowledged is answered for by the server, or here where the server cannot know. */
  close(end: ClientEnd): void;
}
