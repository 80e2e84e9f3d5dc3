/** The rules of this connection manager: what it grants and what it forbids. All times in seconds, sizes in bytes. */
export interface BoshLimits {
  /** Longest time a request is held. */
  readonly wait: number;
  /** Most requests held for one session. */
  readonly hold: number;
  /** Longest time without a request before a session ends. */
  readonly inactivity: number;
  /** Shortest interval of empty requests. */
  readonly polling: number;
  /** Longest pause; 0: pausing is not offered. */
  readonly maxpause: number;
  /** Copies of one request that are answered before the client is taken for one that evades the polling interval. */
  readonly repeats: number;
  /** A response of which the client has not heard after this time is reported to it (XEP-0124 §"Response Acknowledgements"). */
  readonly reportAfter: number;
  /** How long the response to a session's creation waits for the server's features. */
  readonly creation: number;
  /** One first-level element from a client. */
  readonly stanzaBytes: number;
  /** One request body, after decompression. */
  readonly bodyBytes: number;
  /** Payloads, of all sessions together, that wait for an earlier request of theirs. */
  readonly waitingBytes: number;
  /** Sessions (BOSH and WebSocket) in all, and for one client address. */
  readonly sessions: number;
  /** TCP connections of one listener; a session needs up to `hold` + 1 of them. */
  readonly connections: number;
  readonly sessionsPerAddress: number;
  /** Clients are told that they may compress their requests: not where a balancer has to read those. */
  readonly compressedRequests: boolean;
}

export const defaultLimits: BoshLimits = {
  wait: 60,
  // Clients with two connections ask for two held requests and then have none to say anything with.
  hold: 1,
  inactivity: 60,
  polling: 2,
  maxpause: 120,
  repeats: 10,
  reportAfter: 1,
  creation: 10,
  stanzaBytes: 262_144,
  bodyBytes: 524_288,
  waitingBytes: 67_108_864,
  sessions: 10_000,
  connections: 15_000,
  sessionsPerAddress: 2000,
  compressedRequests: true,
};
