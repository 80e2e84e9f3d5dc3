import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../../shared/observability/types.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { StreamLimits } from '../streams/transport.js';
import type { Outbound } from './backlog.js';
import type { DialbackKeys } from './dialback-key.js';
import type { FederationPolicy } from './policy.js';
import type { ServerStream } from './server-stream.js';
import type { TrustAnchors } from './trust-anchors.js';

/** A key that another server sent and that its domain's authoritative server is to judge (XEP-0220 §2.1.2). */
export interface KeyToVerify {
  readonly local: string;
  readonly remote: string;
  readonly streamId: string;
  readonly key: string;
  /** The stream on which the key came: it must not be verified there (XEP-0288 §2.2). */
  readonly receivedOn: ServerStream;
}

/** What streams to and from other servers need of the rest of federation. */
export interface FederationContext {
  readonly log: Logger;
  readonly policy: FederationPolicy;
  readonly keys: DialbackKeys;
  readonly anchors: TrustAnchors;
  /** Of a peer that has proved a domain; before that the limits are those of strangers. */
  readonly stanzaLimits: StreamLimits;
  /** Whether this domain is ours: hosted or a component's. */
  serves(domain: string): boolean;
  /** TLS as the client of the handshake, with the certificate of our domain; `direct` names the protocol (XEP-0368). */
  secure(socket: Socket, local: string, remote: string, direct: boolean): TLSSocket;
  /** Whether we can show a certificate for this domain of ours. */
  hasCertificate(local: string): boolean;
  /** A stanza whose addresses are checked. */
  receive(stanza: Stanza, stream: ServerStream): void;
  /** The peer may now send from `remote` to `local`; on a bidirectional stream we may answer there (XEP-0288). */
  accepted(stream: ServerStream, remote: string, local: string): void;
  /** Asks the authoritative server. Rejects with a FederationFailure. */
  verify(key: KeyToVerify): Promise<boolean>;
  /** The stream can take more again. */
  drained(stream: ServerStream): void;
  /** We are ending the stream: it takes no more stanzas of ours. */
  closing(stream: ServerStream): void;
  /** The stream is over; `unsent` never left this process. `orderly`: its closing tag was seen. */
  closed(stream: ServerStream, unsent: readonly Outbound[], orderly: boolean): void;
}
