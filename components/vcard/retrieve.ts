import { type IqHandler, NOT_MINE } from '../../shared/component/component.js';
import { xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { subjectOf } from './subject.js';
import type { VcardStore } from './vcard-store.js';

/** Retrieving one's own vCard (XEP-0054 §3.1), another user's (§3.3) or the server's. */
export function retrieveVcard(store: VcardStore): IqHandler {
  return async (request) => {
    // Who writes to the component itself asks for a vCard that nobody has.
    if (request.delegated === null) return NOT_MINE;
    const { kind, owner } = subjectOf(request);
    const vcard = await store.get(owner);
    if (vcard !== undefined) return vcard;
    switch (kind) {
      case 'own':
        // §3.1 allows an error too; an empty vCard is what a client can go on with.
        return xml('vCard', { xmlns: NS.vcard });
      case 'server':
        throw new StanzaError('item-not-found');
      case 'other':
        // §3.3: the same for an account without a vCard and for no account, so that names cannot be harvested.
        throw new StanzaError('service-unavailable');
    }
  };
}
