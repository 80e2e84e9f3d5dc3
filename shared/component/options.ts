import type { Logger, Metrics } from '../observability/types.js';
import type { XmlLimits } from '../xml/stream-parser.js';
import type { ComponentTls } from './component.js';
import { CONNECTION_TIMING, type ConnectionTiming } from './connection.js';
import type { Expectation } from './grants.js';
import { KEEPALIVE_TIMING, type KeepaliveTiming } from './keepalive.js';

export interface ComponentOptions {
  readonly domain: string;
  readonly secret: string;
  readonly host: string;
  readonly port: number;
  /** The domains that the component serves, the main one first: only they can delegate and grant. */
  readonly serverDomains: readonly string[];
  readonly tls?: ComponentTls | null;
  /** For XEP-0092. */
  readonly software: { readonly name: string; readonly version: string };
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What to wait for, up to 5 s, after each handshake. Default: nothing. */
  readonly expect?: Partial<Expectation>;
  /** Called when the server refuses the secret, with what to tell the operator: nothing more is tried. */
  readonly gaveUp?: (reason: string) => void;
  readonly limits?: Partial<ComponentLimits>;
  readonly timing?: Partial<ComponentTiming>;
}

export interface ComponentLimits {
  /** Incoming XML. A delegated set of a vCard or an avatar is large, so this is above the server's own limit. */
  readonly xml: XmlLimits;
  /** A stanza of ours: a server ends the stream, and with it everybody's service, over one that is too large for it. */
  readonly stanzaBytes: number;
  /** Bytes that may wait for the server. */
  readonly outboundBytes: number;
  readonly outboundLowWater: number;
  /** Requests at work at once, and of one owner. */
  readonly pending: number;
  readonly pendingPerOwner: number;
}

export interface ComponentTiming extends ConnectionTiming {
  readonly openMilliseconds: number;
  readonly advertisementMilliseconds: number;
  readonly requestMilliseconds: number;
  readonly closeMilliseconds: number;
  readonly drainMilliseconds: number;
  readonly keepalive: KeepaliveTiming;
}

export const LIMITS: ComponentLimits = {
  xml: { stanzaBytes: 8 * 2 ** 20, depth: 200, attributes: 200 },
  // our core takes 1 MiB (`LIMIT_STANZA_BYTES_COMPONENT`)
  stanzaBytes: 1_000_000,
  outboundBytes: 16 * 2 ** 20,
  outboundLowWater: 2 * 2 ** 20,
  pending: 10_000,
  pendingPerOwner: 1_000,
};

export const TIMING: ComponentTiming = {
  ...CONNECTION_TIMING,
  openMilliseconds: 10_000,
  advertisementMilliseconds: 5_000,
  requestMilliseconds: 30_000,
  closeMilliseconds: 500,
  // The launcher gives a component two seconds in all.
  drainMilliseconds: 1_000,
  keepalive: KEEPALIVE_TIMING,
};
