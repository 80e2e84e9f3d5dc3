import type { Jid } from '../../shared/xmpp/jid.js';
import {
  type DefinedCondition,
  StanzaError,
  type StanzaErrorOptions,
} from '../../shared/xmpp/stanza-error.js';

/** A refusal by the room (§7.2: `by` is its address). */
export function refusal(
  room: { jid: Jid },
  condition: DefinedCondition,
  options: Omit<StanzaErrorOptions, 'by'> = {},
): StanzaError {
  return new StanzaError(condition, { ...options, by: room.jid.bare });
}
