import { child, children, clone } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { componentOrigin } from '../routing/origin.js';
import type { ComponentRegistry } from './component-registry.js';

/** Addresses of one stanza (contracts: multicast). */
export const MULTICAST_ADDRESSES = 2000;

/**
 * Multicast for granted components (XEP-0033, every address `bcc` so that none is shown): one stanza over the link, one
 * for each addressee from here. `<addresses/>` is removed; bounces come from the addressee to the stanza's `from`.
 */
export function setUpMulticast(core: Core, registry: ComponentRegistry): void {
  registry.onStanza(NS.address, (stanza, domain) => {
    const to = stanza.toJid;
    if (!to || !core.hosts(to.domain) || to.local !== '') return false;
    if (!domain.grants.multicast) {
      core.router.bounce(stanza, new StanzaError('forbidden'));
      return true;
    }
    const addresses = child(stanza.element, 'addresses', NS.address);
    const list = addresses === undefined ? [] : children(addresses, 'address', NS.address);
    // XEP-0033 §6: more than the limit is not-acceptable
    if (list.length === 0 || list.length > MULTICAST_ADDRESSES) {
      core.router.bounce(stanza, new StanzaError('not-acceptable'));
      return true;
    }
    if (list.some((address) => address.attrs['type'] !== 'bcc' || address.attrs['jid'] === undefined)) {
      core.router.bounce(stanza, new StanzaError('bad-request', { text: 'only bcc addresses with a jid' }));
      return true;
    }
    const bare = clone(stanza.element);
    bare.children = bare.children.filter((node) => typeof node !== 'object' || node.getNS() !== NS.address);
    const single = Stanza.fromElement(bare);
    for (const address of list) {
      const recipient = parseJid(address.attrs['jid'] ?? '');
      if (recipient === null) continue;
      core.router.route(single.readdress({ to: recipient.full }), componentOrigin);
    }
    return true;
  });
}
