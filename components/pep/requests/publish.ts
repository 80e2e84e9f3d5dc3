import { randomUUID } from 'node:crypto';
import { childElements, clone, type Element, xml } from '../../../shared/xml/element.js';
import { detachedCopy } from '../../../shared/xml/names.js';
import { writeElement } from '../../../shared/xml/write.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { mayPublish } from '../access.js';
import type { Pep } from '../context.js';
import { pubsubError } from '../errors.js';
import type { Account } from '../nodes/account.js';
import type { ItemEntry, NewItem, PepNode } from '../nodes/node.js';
import { emptyEvent, publishEvent, retractEvent } from '../notify/events.js';
import { newNode } from './create.js';
import { checkPreconditions, publishOptions } from './publish-options.js';
import { answer, isOwner, nodeName, parts, type UseCase } from './request.js';

/** Publishing an item (XEP-0060 §7.1), creating the node where there is none (§7.1.4). */
export const publish: UseCase = async (pep, request, account) => {
  const name = nodeName(request);
  const options = publishOptions(request.pubsub, pep.accounts.defaults);
  const existing = account.node(name);
  if (existing === undefined && !isOwner(request)) throw new StanzaError('item-not-found');
  if (existing !== undefined) {
    if (!mayPublish(request.owner, existing, request.from)) throw new StanzaError('forbidden');
    checkPreconditions(existing.config, options);
  }
  const config = existing?.config ?? pep.accounts.defaults.with(options);
  const submitted = checkedItem(
    request.action,
    config.persistent,
    config.deliversPayloads,
    config.maxPayloadBytes,
  );
  const node = existing ?? (await newNode(pep, account, name, request.from, config));
  if (submitted === null) {
    pep.notifier.event(request.owner, node, emptyEvent(node), { publisher: request.from.full });
    return answer(xml('publish', { node: name }));
  }
  const id = submitted.id ?? (node.config.maxItems === 1 ? 'current' : randomUUID());
  await store(pep, account, node, {
    id,
    publisher: request.from.full,
    stamp: Date.now(),
    payload: submitted.payload,
  });
  if (isOwner(request)) pep.nodeChanged(request.owner, node);
  return answer(xml('publish', { node: name }, xml('item', { id })));
};

/** Keeps an item where the node does, and tells everyone. Also for items that the service itself publishes. */
export async function store(pep: Pep, account: Account, node: PepNode, item: NewItem): Promise<void> {
  const { owner } = account;
  let overflow: readonly string[] = [];
  if (node.config.persistent) overflow = await keep(account, node, item, pep.limits.nodeBytes);
  pep.notifier.event(owner, node, publishEvent(node, { ...item, place: 0, size: item.payload.length }), {
    publisher: item.publisher,
    id: item.id,
  });
  if (overflow.length > 0 && node.config.whenFull === 'retract-oldest') {
    pep.notifier.event(owner, node, retractEvent(node, overflow));
  }
}

/** Returns the ids of the items that had to go (§7.1.2.4). */
async function keep(
  account: Account,
  node: PepNode,
  item: NewItem,
  nodeBytes: number,
): Promise<readonly string[]> {
  const { maxItems, whenFull } = node.config;
  const others = (await account.items(node)).filter((entry) => entry.id !== item.id);
  const surplus = Math.max(others.length + 1 - maxItems, tooLarge(others, nodeBytes - item.payload.length));
  if (maxItems === 0 || (surplus > 0 && whenFull === 'reject')) throw pubsubError('conflict', 'node-full');
  await account.putItem(node, item);
  if (surplus <= 0) return [];
  const oldest = others.slice(0, surplus);
  await account.removeItems(node, oldest);
  return oldest.map((entry) => entry.id);
}

/** How many of the oldest have to go so that the rest is within so many characters. */
function tooLarge(entries: readonly ItemEntry[], room: number): number {
  let left = room;
  for (let at = entries.length - 1; at >= 0; at--) {
    left -= entries[at]?.size ?? 0;
    if (left < 0) return at + 1;
  }
  return 0;
}

/** The item of a publish request, as the node's event type asks for it (§7.1.3.6); null for none. */
function checkedItem(
  action: Element,
  persistent: boolean,
  payloads: boolean,
  maxPayloadBytes: number,
): { id: string | undefined; payload: string } | null {
  const items = parts(action, 'item');
  // §12.15: batches are no longer part of the specification.
  if (items.length > 1)
    throw pubsubError('bad-request', 'max-items-exceeded', { text: 'one item at a time' });
  const [item] = items;
  if (item === undefined) {
    if (persistent || payloads) throw pubsubError('bad-request', 'item-required');
    return null;
  }
  if (!persistent && !payloads) throw pubsubError('bad-request', 'item-forbidden');
  const payloadElements = childElements(item);
  const [payload] = payloadElements;
  if (payloadElements.length > 1 || (payload === undefined && item.getText().trim() !== '')) {
    throw pubsubError('bad-request', 'invalid-payload');
  }
  if (payload === undefined && payloads) throw pubsubError('bad-request', 'payload-required');
  const text = payload === undefined ? '' : writeElement(clone(payload), '');
  if (Buffer.byteLength(text) > maxPayloadBytes) {
    throw pubsubError('not-acceptable', 'payload-too-big', { text: `at most ${maxPayloadBytes} bytes` });
  }
  const { id } = item.attrs;
  if (id !== undefined && id.length > 1023)
    throw new StanzaError('bad-request', { text: 'the id is too long' });
  // kept as long as the item: not as a slice of the stanza, which has the payload in it
  return { id: id === '' || id === undefined ? undefined : detachedCopy(id), payload: text };
}
