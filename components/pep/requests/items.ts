import { type Element, xml } from '../../../shared/xml/element.js';
import { pageOf, parseResultSet, resultSetElement } from '../../../shared/xmpp/rsm.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { pubsubError, unsupported } from '../errors.js';
import type { Account } from '../nodes/account.js';
import type { Item, ItemEntry, PepNode } from '../nodes/node.js';
import { itemElement } from '../notify/events.js';
import { answer, existingNode, parts, type UseCase } from './request.js';

/** Of items in one answer, beyond which the rest is left for another page (§6.5.4). */
const ANSWER_CHARACTERS = 200_000;
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
  let set: Element | undefined;
  let newestFirst = false;
  if (wanted.size > 0) {
    // §6.5.8: "if available"; that there is none of them is no error of §6.5.9
    entries = all.filter((entry) => wanted.has(entry.id));
  } else if (resultSet !== null) {
    const { items, page } = pageOf(all, resultSet, { id: (entry) => entry.id, limit: PAGE });
    entries = items;
    set = resultSetElement(page);
    newestFirst = resultSet.before !== undefined;
  } else {
    const newest = newestCount(request.action.attrs['max_items']);
    newestFirst = newest !== undefined;
    entries = newest === undefined ? all : all.slice(Math.max(0, all.length - newest));
  }

  const told = await upToOneAnswer(account, node, newestFirst ? entries.toReversed() : entries);
  if (newestFirst) told.items.reverse();
  if (told.isCut) set = pageOfCut(all, told.items);
  const items = xml('items', { node: node.name });
  for (const item of told.items) items.append(itemElement(node, item));
  return set === undefined ? answer(items) : answer(items, set);
};

/** What is asked for first, as far as one answer takes it; at least one item. */
async function upToOneAnswer(
  account: Account,
  node: PepNode,
  entries: readonly ItemEntry[],
): Promise<{ readonly items: Item[]; readonly isCut: boolean }> {
  const items: Item[] = [];
  let characters = 0;
  for (const entry of entries) {
    const item = await account.read(node, entry);
    if (item === undefined) continue;
    characters += item.payload.length + item.id.length;
    if (items.length > 0 && characters > ANSWER_CHARACTERS) return { items, isCut: true };
    items.push(item);
  }
  return { items, isCut: false };
}

/** What `max_items` says. Throws `bad-request` where it is no positive number. */
function newestCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) {
    throw new StanzaError('bad-request', { text: 'max_items is not a positive number' });
  }
  return Number(text);
}

function pageOfCut(all: readonly ItemEntry[], items: readonly Item[]): Element {
  const first = items[0]?.id;
  const index = all.findIndex((entry) => entry.id === first);
  return resultSetElement({ first, last: items.at(-1)?.id, index, count: all.length });
}
