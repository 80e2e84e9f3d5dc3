import type { PortablePart } from '../../shared/portable/part.js';
import type { Storage } from '../../shared/storage/storage.js';
import { namespaceOf } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { openVcardStore, vcardText } from './vcard-store.js';

/** vCards in the portable format (XEP-0227 §"vCards"). */
export function portableParts(storage: Storage): readonly PortablePart[] {
  const store = openVcardStore(storage);
  return [
    {
      name: 'vcard',
      owners: () => store.owners(),
      async export(account) {
        const vcard = await store.get(account);
        return vcard === undefined ? [] : [vcard];
      },
      async import(account, element) {
        if (element.getName() !== 'vCard' || namespaceOf(element) !== NS.vcard) return false;
        await store.put(account, vcardText(element));
        return true;
      },
    },
  ];
}
