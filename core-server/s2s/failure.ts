import { StanzaError, type StanzaErrorOptions } from '../../shared/xmpp/stanza-error.js';

/** Why another server cannot be reached, in the words of stanza errors (RFC 6120 §8.3.3.16 and §8.3.3.17). */
type FailureCondition =
  | 'remote-server-not-found'
  | 'remote-server-timeout'
  | 'internal-server-error'
  | 'not-allowed'
  | 'resource-constraint';

/** Another server cannot be reached, or does not take our stanzas. */
export class FederationFailure extends Error {
  override readonly name = 'FederationFailure';
  readonly condition: FailureCondition;
  /** It will not be better in a minute: RFC 6120 §8.3.3.17 wants another error type then. */
  readonly permanent: boolean;
  /** XEP-0220 §2.5: `item-not-found` or `host-unknown` was heard from the server in question. */
  readonly unknownThere: boolean;
  /** Nothing was said on this connection that speaks against trying the next address. */
  readonly tryNext: boolean;
  /** The peer refused SASL EXTERNAL and ended the stream; dialback may do. */
  readonly externalRefused: boolean;
  /** The peer takes no more domain pairs on this stream (XEP-0220 §2.5, `resource-constraint`). */
  readonly streamFull: boolean;
  /** `host:port` to which the peer sends us (RFC 6120 §4.9.3.19). */
  readonly otherHost: string | undefined;

  constructor(
    condition: FailureCondition,
    message: string,
    more: {
      permanent?: boolean;
      unknownThere?: boolean;
      tryNext?: boolean;
      externalRefused?: boolean;
      streamFull?: boolean;
      otherHost?: string | undefined;
    } = {},
  ) {
    super(message);
    this.condition = condition;
    this.permanent = more.permanent === true;
    this.unknownThere = more.unknownThere === true;
    this.tryNext = more.tryNext === true;
    this.externalRefused = more.externalRefused === true;
    this.streamFull = more.streamFull === true;
    this.otherHost = more.otherHost;
  }

  /** What the sender of a stanza is told. The detail is for people; it holds nothing that an attacker could use. */
  toStanzaError(): StanzaError {
    const options: StanzaErrorOptions = { text: this.message };
    return new StanzaError(this.condition, this.permanent ? { ...options, type: 'cancel' } : options);
  }
}

/** Whatever was thrown, as a {@link FederationFailure}. */
export function failureOf(error: unknown): FederationFailure {
  if (error instanceof FederationFailure) return error;
  return new FederationFailure('internal-server-error', error instanceof Error ? error.message : 'unknown');
}
