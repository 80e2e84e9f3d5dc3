import type { Jid } from '../../../shared/xmpp/jid.js';
import type { Pep } from '../context.js';
import type { Recipient } from '../notify/recipients.js';

/** One address as a recipient: whether it receives the owner's presence decides what it is told. */
export async function recipientFor(pep: Pep, owner: string, jid: Jid): Promise<Recipient> {
  const contact = jid.bare === owner ? undefined : await pep.contact(owner, jid);
  return { to: jid.full, sharesPresence: jid.bare === owner || contact?.subscriber === true };
}
