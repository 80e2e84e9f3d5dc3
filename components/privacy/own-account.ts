import type { IqRequest } from '../../shared/component/component.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';

/** The account whose lists a request is about, which must be the sender's own. */
export function ownAccount({ from, to }: IqRequest): string {
  if (to.local === '' || from.bare === to.bare) return from.bare;
  throw new StanzaError('forbidden');
}
