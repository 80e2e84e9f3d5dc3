import { type Element, xml } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';

/** The empty answer to a disco#items request (XEP-0030 §4.1, its node mirrored as §3.2 has it); null for any other. */
export function noItems(request: Stanza): Element | null {
  if (request.type !== 'get' || request.payload?.namespace !== NS.discoItems) return null;
  const node = request.element.getChildElements()[0]?.attrs['node'];
  return xml('query', { xmlns: NS.discoItems, ...(node === undefined ? {} : { node }) });
}
