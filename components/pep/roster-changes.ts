import { parseJid } from '../../shared/xmpp/jid.js';
import type { Pep } from './context.js';
import { sendLastItemsOf } from './notify/last-items.js';
import { dropRefused } from './requests/lost-access.js';
import type { CapsCache } from './server/caps-cache.js';
import type { Contact } from './server/rosters.js';

/**
 * A contact's place in an owner's roster has changed: who lost access loses subscriptions (XEP-0163 §7.1), who gained it
 * is a new subscriber and gets the last items.
 */
export async function rosterChanged(
  pep: Pep,
  caps: CapsCache,
  owner: string,
  contact: string,
  before: Contact | undefined,
  now: Contact | undefined,
): Promise<void> {
  if (!pep.accounts.mayOwn(owner) || before === now) return;
  await pep.accounts.with(owner, async (account) => {
    for (const node of account.nodes) {
      const concerned = node.subscriptions.some(
        ({ jid }) => jid === contact || jid.startsWith(`${contact}/`),
      );
      if (concerned) await dropRefused(pep, account, node);
    }
  });
  if (!now?.subscriber || before?.subscriber) return;
  const jid = parseJid(contact);
  if (jid === null) return;
  for (const [resource, entry] of pep.presences.of(contact) ?? []) {
    const full = jid.withResource(resource);
    if (entry !== null)
      await sendLastItemsOf(pep, owner, full, await caps.interests(entry, full.full, owner));
  }
}

/**
 * An account has its first node. Of its contacts at other servers, those whose capabilities nobody could ask for can be
 * asked now, by it; as to new subscribers, the last items go to them.
 */
export async function firstNode(pep: Pep, caps: CapsCache, owner: string): Promise<void> {
  for (const [contact, { subscriber }] of pep.rosters.known(owner) ?? []) {
    const jid = subscriber ? parseJid(contact) : null;
    if (jid === null || pep.component.server.domains.has(jid.domain)) continue;
    for (const [resource, entry] of pep.presences.of(contact) ?? []) {
      if (entry === null || entry.interests !== undefined) continue;
      const full = jid.withResource(resource);
      await pep.notifier.whileArriving(full.full, async () => {
        await sendLastItemsOf(pep, owner, full, await caps.interests(entry, full.full, owner));
        await pep.notifier.sent(owner);
      });
    }
  }
}
