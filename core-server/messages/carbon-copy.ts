import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { AccountState } from '../sessions/account-state.js';

/** Whether this is a copy that we made for a resource of the account (XEP-0280 §7, §8). */
export function isCopy(message: Stanza, account: AccountState): boolean {
  if (message.from !== account.bare) return false;
  return message.hasChild('received', NS.carbons) || message.hasChild('sent', NS.carbons);
}
