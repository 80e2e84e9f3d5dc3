import type { PortablePart } from '../../shared/portable/part.js';
import type { Storage } from '../../shared/storage/storage.js';
import { type Element, namespaceOf, xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { readItems } from './item-syntax.js';
import { LISTS } from './list-store.js';
import { type Lists, listOf, noLists, withList } from './lists.js';
import { itemElement } from './privacy-lists.js';

/** Privacy lists in the portable format (XEP-0227 §"Privacy Lists"); what is blocked (XEP-0191) is among them. */
export function portableParts(storage: Storage): readonly PortablePart[] {
  const accounts = storage.keyval(LISTS);
  return [
    {
      name: 'privacy',
      owners: () => accounts.owners(),
      async export(account) {
        const stored = await accounts.get(account);
        if (stored === undefined || stored.value.current.lists.length === 0) return [];
        const { current } = stored.value;
        return [
          xml(
            'query',
            { xmlns: NS.privacy },
            current.default === null ? null : xml('default', { name: current.default }),
            ...current.lists.map(({ name, items }) => xml('list', { name }, ...items.map(itemElement))),
          ),
        ];
      },
      async import(account, element) {
        if (element.getName() !== 'query' || namespaceOf(element) !== NS.privacy) return false;
        const lists = readLists(element);
        if (lists === null) return false;
        const stored = await accounts.get(account);
        // A sequence that the core does not know: it is given these lists when the two next meet.
        // (Two on: the next may be that of a change which was cut short.)
        const sequence = (stored?.value.sequence ?? 0) + 2;
        await accounts.put(account, { sequence, current: lists, intent: null, told: null });
        return true;
      },
    },
  ];
}

/** Null where an item is none of ours: half a list would let pass what its owner denied. */
function readLists(query: Element): Lists | null {
  let lists = noLists;
  try {
    for (const list of query.getChildren('list')) {
      const name = list.attrs['name'];
      if (name === undefined) return null;
      lists = withList(lists, name, readItems(list));
    }
  } catch (error) {
    if (error instanceof StanzaError) return null;
    throw error;
  }
  const chosen = query.getChild('default')?.attrs['name'] ?? null;
  return { ...lists, default: listOf(lists, chosen) === undefined ? null : chosen };
}
