import type { IqRequest } from '../../shared/component/component.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

/**
 * The account whose lists a request is about, which must be the sender's own: nobody else, and no account of another
 * server, has any here.
 */
export function ownAccount({ from, to }: IqRequest): string {
  const own = from.local !== '' && (to.local === '' ? from.domain === to.domain : from.bare === to.bare);
  if (!own) throw new StanzaError('forbidden');
  return from.bare;
}
