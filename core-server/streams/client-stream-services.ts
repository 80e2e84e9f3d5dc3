import type { Logger } from '../../shared/observability/types.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import type { Domain } from '../../shared/xmpp/jid.js';
import type { Session } from '../sessions/session.js';
import type { ClientStream, StreamEnd } from './client-stream.js';
import type { StreamFeatures } from './stream-feature.js';
import type { StreamLimits } from './transport.js';

/** What client streams need of the rest of the core. */
export interface ClientStreamServices {
  readonly log: Logger;
  readonly features: StreamFeatures;
  readonly defaultDomain: string;
  readonly limitsAfterAuthentication: StreamLimits;
  hosts(domain: Domain): boolean;
  /** A stanza of a bound session; everything about it is still to be checked. */
  receive(session: Session, stanza: Stanza): void;
  opened(stream: ClientStream): void;
  authenticated(stream: ClientStream): void;
  /** The stream is over; `session` is what it had been lent, if any. */
  closed(stream: ClientStream, session: Session | null, end: StreamEnd): void;
}
