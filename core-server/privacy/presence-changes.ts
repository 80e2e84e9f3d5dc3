import { xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { type BareJid, type Jid, jid } from '../../shared/xmpp/jid.js';
import type { Core } from '../core.js';
import { localOrigin } from '../routing/origin.js';
import type { AccountState } from '../sessions/account-state.js';
import { verdictOf } from './verdict.js';

/** Who may see the account's presence, and whose presence the account may see, by contact. */
export interface Visibility {
  readonly out: ReadonlySet<BareJid>;
  readonly in: ReadonlySet<BareJid>;
}

/** How things stand under the rules in force now. */
export function visibilityOf(account: AccountState): Visibility {
  const out = new Set<BareJid>();
  const incoming = new Set<BareJid>();
  for (const item of account.roster.items.values()) {
    const peer = jid(item.jid);
    const shows = item.subscription === 'from' || item.subscription === 'both';
    const sees = item.subscription === 'to' || item.subscription === 'both';
    const allowed = (direction: 'in' | 'out', kind: 'presence-in' | 'presence-out') =>
      verdictOf(account, null, direction, kind, peer, localOrigin) === 'allow';
    if (shows && allowed('out', 'presence-out')) out.add(item.jid);
    if (sees && allowed('in', 'presence-in')) incoming.add(item.jid);
  }
  return { out, in: incoming };
}

/**
 * What a change of rules means for presence: a contact that may not see us any more gets unavailable presence, one that
 * may again gets ours (XEP-0016 §2.12, XEP-0191 §3.3, §3.4); whom we may not see any more becomes unavailable to us, and
 * whom we may see again is asked (XEP-0016 §2.11).
 */
export function announceChanges(
  core: Core,
  account: AccountState,
  before: Visibility,
  after: Visibility,
): void {
  for (const contact of before.out)
    if (!after.out.has(contact)) core.presence.showTo(account, jid(contact), false);
  for (const contact of after.out)
    if (!before.out.has(contact)) core.presence.showTo(account, jid(contact), true);
  const online = account.availableSessions();
  if (online.length === 0) return;
  for (const contact of before.in) {
    if (after.in.has(contact)) continue;
    for (const from of resourcesOf(core, jid(contact))) {
      const gone = Stanza.fromElement(xml('presence', { from, to: account.bare, type: 'unavailable' }));
      for (const session of online) session.deliver(gone);
    }
  }
  for (const contact of after.in) {
    if (!before.in.has(contact)) {
      core.router.route(
        Stanza.fromElement(xml('presence', { from: account.bare, to: contact, type: 'probe' })),
        localOrigin,
      );
    }
  }
}

/** The resources that were shown: known for our own accounts, else all of them by the bare JID (RFC 6121 §4.5.4). */
function resourcesOf(core: Core, contact: Jid): string[] {
  if (!core.hosts(contact.domain)) return [contact.bare];
  return (
    core.directory
      .peek(contact)
      ?.availableSessions()
      .map((session) => session.jid.full) ?? []
  );
}
