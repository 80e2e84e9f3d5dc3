import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { IqRequest } from './iq-registry.js';

/**
 * RFC 6120 §10.2, XEP-0030 §8: whoever is neither the account nor subscribed to its presence learns of it what one
 * would learn of a missing account. Throws `service-unavailable`; does nothing where the server is asked.
 */
export function refuseStranger(request: IqRequest): void {
  const { account, from } = request;
  if (account === null || from.bare === account.bare || account.roster.subscribesToUs(from.bare)) return;
  throw new StanzaError('service-unavailable');
}
