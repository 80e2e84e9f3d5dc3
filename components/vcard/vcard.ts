import type { Component } from '../../shared/component/component.js';
import type { Storage } from '../../shared/storage/storage.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { retrieveVcard } from './retrieve.js';
import { updateVcard, type VcardOptions } from './update.js';
import { openVcardStore } from './vcard-store.js';

/** vcard-temp (XEP-0054) for all accounts of the server and for the server itself. */
export function composeVcard(component: Component, storage: Storage, options: VcardOptions): void {
  const store = openVcardStore(storage);

  component.disco.identity({ category: 'component', type: 'generic', name: 'vCards' });
  component.disco.nestedServer(NS.vcard, { features: [NS.vcard] });
  component.disco.nestedAccount(NS.vcard, { features: [NS.vcard] });

  component.onIq('get', NS.vcard, 'vCard', retrieveVcard(store));
  component.onIq('set', NS.vcard, 'vCard', updateVcard(store, options));
}
