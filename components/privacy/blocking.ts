import { type IqHandler, NOT_MINE } from '../../shared/component/component.js';
import { children, type Element, xml } from '../../shared/xml/element.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { block, blockedJids, unblock } from './block-list.js';
import { listOf } from './lists.js';
import { ownAccount } from './own-account.js';
import type { PrivacyListsParts } from './privacy-lists.js';

/** Retrieving the block list (XEP-0191 §3.2). */
export function getBlockList({ store }: PrivacyListsParts): IqHandler {
  return async (request) => {
    if (request.delegated === null) return NOT_MINE;
    const { current } = await store.get(ownAccount(request));
    return xml(
      'blocklist',
      { xmlns: NS.blocking },
      ...blockedJids(current).map((jid) => xml('item', { jid })),
    );
  };
}

/** Blocking (§3.3): at least one JID. */
export function blockContacts({ changes, maxItems }: PrivacyListsParts): IqHandler {
  return async (request) => {
    if (request.delegated === null) return NOT_MINE;
    const account = ownAccount(request);
    const jids = readJids(request.payload);
    // §3.3: an empty <block/> is bad-request
    if (jids.length === 0) throw new StanzaError('bad-request');
    await changes.change(
      account,
      (lists) => {
        const next = block(lists, jids);
        if (next !== lists && (listOf(next, next.default)?.length ?? 0) > maxItems)
          throw new StanzaError('resource-constraint', { text: 'too many items' });
        return next;
      },
      { session: request.from.full, force: true },
    );
    return undefined;
  };
}

/** Unblocking some (§3.4), or without items all (§3.5). */
export function unblockContacts({ changes }: PrivacyListsParts): IqHandler {
  return async (request) => {
    if (request.delegated === null) return NOT_MINE;
    const account = ownAccount(request);
    const jids = readJids(request.payload);
    await changes.change(account, (lists) => unblock(lists, jids.length === 0 ? null : jids), {
      session: request.from.full,
      force: true,
      everybody: jids.length === 0,
    });
    return undefined;
  };
}

function readJids(payload: Element): string[] {
  return children(payload, 'item', NS.blocking).map((item) => {
    const text = item.attrs['jid'];
    if (text === undefined) throw new StanzaError('bad-request');
    const jid = parseJid(text);
    if (jid === null) throw new StanzaError('jid-malformed');
    return jid.full;
  });
}
