import type { BareJid } from '../../shared/xmpp/jid.js';
import type { Core } from '../core.js';
import { TOO_MANY_LOGINS } from '../rates/login-rates.js';
import { failure, type SaslFailure } from '../sasl/mechanism.js';
import type { ClientStream } from './client-stream.js';

/** Why nobody may log in on a stream now, whatever the credentials; null: they may try. */
export function closedToLogins(core: Core, stream: ClientStream): SaslFailure | null {
  // no log-in may open what privacy lists had closed and this core has lost
  if (!core.privacyGate.isOpen) return failure('temporary-auth-failure');
  return core.loginRates.closedTo(stream.remoteAddress) ? TOO_MANY_LOGINS : null;
}

/** Why an account whose right credentials were shown is not logged in all the same; null: it is. */
export function loginRefusal(core: Core, stream: ClientStream, account: BareJid): SaslFailure | null {
  if (core.loginRates.admits(stream.remoteAddress, account)) return null;
  return { ...TOO_MANY_LOGINS, claimed: account };
}

/** Whether a stream ends with this failure, however many tries it has left. */
export function endsStream({ text }: SaslFailure): boolean {
  return text === TOO_MANY_LOGINS.text;
}
