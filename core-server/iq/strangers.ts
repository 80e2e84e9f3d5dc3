import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { IqRequest } from './iq-registry.js';

/** Whether an account is asked by somebody who is neither itself nor subscribed to its presence. */
export function isStranger({ account, from }: IqRequest): boolean {
  return account !== null && from.bare !== account.bare && !account.roster.subscribesToUs(from.bare);
}

/**
 * RFC 6120 §10.2, XEP-0030 §8: a stranger learns of an account what one would learn of a missing account. Throws
 * `service-unavailable`; does nothing where the server is asked.
 */
export function refuseStranger(request: IqRequest): void {
  if (isStranger(request)) throw new StanzaError('service-unavailable');
}
