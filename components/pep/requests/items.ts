import { xml } from '../../../shared/xml/element.js';
import { pageOf, parseResultSet, resultSetElement } from '../../../shared/xmpp/rsm.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { pubsubError, unsupported } from '../errors.js';
import type { ItemEntry } from '../nodes/node.js';
import { itemElement } from '../notify/events.js';
import { answer, existingNode, parts, type UseCase } from './request.js';

/** Characters of items in one answer, beyond which the rest is left for another page (§6.5.4). */
const ANSWER_BYTES = 200_000;
const PAGE = 1_000;

/** Retrieving items (XEP-0060 §6.5): all, the newest few, some by id, or page by page (XEP-0059); oldest first. */
export const retrieveItems: UseCase = async (pep, request, account) => {
  const node = existingNode(request, account);
  const refusal = await pep.refusal(request.owner, node, request.from);
  if (refusal !== null) throw refusal;
  // §6.5.9.2: there is one subscription per JID, and its id is checked when it is named.
  const { subid } = request.action.attrs;
  if (subid !== undefined && !node.subscriptions.some((subscription) => subscription.subid === subid)) {
    throw pubsubError('not-acceptable', 'invalid-subid');
  }
  // §6.5.9.4
  if (!node.config.persistent) throw unsupported('persistent-items');

  const all = await account.items(node);
  const wanted = new Set(parts(request.action, 'item').map((item) => item.attrs['id'] ?? ''));
  const resultSet = parseResultSet(request.pubsub);
  let entries: readonly ItemEntry[] = all;
  let set: ReturnType<typeof xml> | undefined;
  if (wanted.size > 0) {
    // §6.5.8: "if available"; that there is none of them is no error of §6.5.9
    entries = all.filter((entry) => wanted.has(entry.id));
  } else if (resultSet !== null) {
    const { items, page } = pageOf(all, resultSet, { id: (entry) => entry.id, limit: PAGE });
    entries = items;
    set = resultSetElement(page);
  } else {
    const newest = newestCount(request.action.attrs['max_items']);
    entries = newest === undefined ? all : all.slice(Math.max(0, all.length - newest));
  }

  const items = xml('items', { node: node.name });
  let bytes = 0;
  let told: ItemEntry | undefined;
  for (const entry of entries) {
    const item = await account.read(node, entry);
    if (item === undefined) continue;
    bytes += item.payload.length + item.id.length;
    if (told !== undefined && bytes > ANSWER_BYTES) {
      set = truncated(all, entries[0], told);
      break;
    }
    items.append(itemElement(node, item));
    told = entry;
  }
  return set === undefined ? answer(items) : answer(items, set);
};

/** What `max_items` says. Throws `bad-request` where it is no positive number. */
function newestCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) {
    throw new StanzaError('bad-request', { text: 'max_items is not a positive number' });
  }
  return Number(text);
}

function truncated(all: readonly ItemEntry[], first: ItemEntry | undefined, last: ItemEntry) {
  const index = all.findIndex((entry) => entry.id === first?.id);
  return resultSetElement({ first: first?.id, last: last.id, index, count: all.length });
}
