import type { Logger } from '../../shared/observability/types.js';
import type { BareJid, Domain, Jid } from '../../shared/xmpp/jid.js';
import type { Accounts } from '../accounts/accounts.js';
import type { ChannelBindingSource } from './channel-binding.js';
import type { ClientCertificate } from './client-certificate.js';

/** The conditions of RFC 6120 §6.5. */
type SaslFailureCondition =
  | 'aborted'
  | 'account-disabled'
  | 'credentials-expired'
  | 'encryption-required'
  | 'incorrect-encoding'
  | 'invalid-authzid'
  | 'invalid-mechanism'
  | 'malformed-request'
  | 'mechanism-too-weak'
  | 'not-authorized'
  | 'temporary-auth-failure';

interface SaslChallenge {
  readonly kind: 'challenge';
  readonly data: Buffer;
}

export interface SaslSuccess {
  readonly kind: 'success';
  readonly account: BareJid;
  /** What the client asked to act as; it is the account's own address, or the exchange would have failed. */
  readonly authorizationId?: Jid;
  /** Additional data with success. */
  readonly data?: Buffer;
  /** When what authenticated expires, in milliseconds since 1970: the stream ends then (RFC 6120 §13.7.2.3). */
  readonly validUntil?: number;
}

export interface SaslFailure {
  readonly kind: 'failure';
  readonly condition: SaslFailureCondition;
  /** For developers of clients; never says whether an account exists. */
  readonly text?: string;
  /** Whose log-in failed, for the log: as claimed, not as proven. */
  readonly claimed?: string;
}

export type SaslStep = SaslChallenge | SaslSuccess | SaslFailure;

/** One exchange in progress. The first call gets the initial response; of a server-first mechanism it is empty. */
export interface SaslExchange {
  respond(data: Buffer): SaslStep | Promise<SaslStep>;
}

/** What the operator allows on a stream of this kind. */
export interface SaslPolicy {
  /** PLAIN where the stream is secure. */
  readonly plain: boolean;
  /** PLAIN also where it is not: for tests and closed networks (RFC 6120 §13.8.3 forbids it). */
  readonly plainWithoutTls: boolean;
  readonly digestMd5: boolean;
  /**
   * Whether a client certificate logs in: never, by the addresses in it, or also by its common name. The last only
   * where the operator chose the authorities: public ones put names of all kinds there.
   */
  readonly external: 'off' | 'addresses' | 'names';
}

/** What a mechanism may know of the stream. */
export interface SaslContext {
  /** The client's address. */
  readonly peer?: string;
  /** The domain the client opened the stream to. */
  readonly domain: Domain;
  /** `from` of the client's stream header. */
  readonly streamFrom: Jid | null;
  /** Whether confidentiality and integrity of the stream are protected. */
  readonly secure: boolean;
  /** Null where TLS does not end in this process. */
  readonly channelBinding: ChannelBindingSource | null;
  /** Present only when it was verified against the trust anchors for clients. */
  readonly clientCertificate: ClientCertificate | null;
  readonly accounts: Accounts;
  readonly policy: SaslPolicy;
  /** What this stream advertised. */
  readonly offered: SaslOffer;
  /** SCRAM sends the hash of what was offered (XEP-0474). */
  readonly downgradeProtection: boolean;
  readonly log: Logger;
}

/** What the features of a stream advertised. */
export interface SaslOffer {
  readonly mechanisms: readonly string[];
  /** Channel-binding types (XEP-0440); empty: the element is not sent. */
  readonly channelBindings: readonly string[];
}

/** One SASL mechanism. */
export interface SaslMechanism {
  /** As registered with IANA. */
  readonly name: string;
  /** Whether the client speaks first: without an initial response it is sent an empty challenge (RFC 4422 §5). */
  readonly clientFirst: boolean;
  /** Null when it may be used on this stream, else why not. The `offered` of the context is not read. */
  refusal(context: SaslContext): SaslFailureCondition | null;
  begin(context: SaslContext): SaslExchange;
}

/** A failed step. */
export function failure(condition: SaslFailureCondition, text?: string, claimed?: string): SaslFailure {
  return {
    kind: 'failure',
    condition,
    ...(text === undefined ? {} : { text }),
    ...(claimed === undefined ? {} : { claimed }),
  };
}
