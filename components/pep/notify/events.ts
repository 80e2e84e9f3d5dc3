import { type Element, xml } from '../../../shared/xml/element.js';
import { Stanza } from '../../../shared/xml/stanza.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import type { Item, PepNode } from '../nodes/node.js';

/** The `<item/>` of an event or an answer, in the namespace of what it is put into. */
export function itemElement(node: PepNode, item: Item, payload = true): Element {
  const publisher = node.config.namesPublisher ? item.publisher.replace(/\/.*$/s, '') : undefined;
  const element = xml('item', { id: item.id, publisher });
  if (payload && item.payload !== '') element.append(Stanza.parse(item.payload).element);
  return element;
}

/** XEP-0060 §7.1.2: what subscribers are told of a published item, with its payload where the node delivers those. */
export function publishEvent(node: PepNode, item: Item): Element {
  return event(xml('items', { node: node.name }, itemElement(node, item, node.config.deliversPayloads)));
}

/** §"Event Types": a transient notification-only node has no items, only the news that something happened. */
export function emptyEvent(node: PepNode): Element {
  return event(xml('items', { node: node.name }));
}

/** §7.2.2.1 */
export function retractEvent(node: PepNode, ids: readonly string[]): Element {
  return event(xml('items', { node: node.name }, ...ids.map((id) => xml('retract', { id }))));
}

/** §8.5.2 */
export function purgeEvent(node: PepNode): Element {
  return event(xml('purge', { node: node.name }));
}

/** §8.4.2 */
export function deleteEvent(node: PepNode, redirect: string | undefined): Element {
  return event(
    xml(
      'delete',
      { node: node.name },
      redirect === undefined ? undefined : xml('redirect', { uri: redirect }),
    ),
  );
}

/** §8.2.5.3: the new configuration only where the node delivers payloads. */
export function configurationEvent(node: PepNode): Element {
  return event(
    xml(
      'configuration',
      { node: node.name },
      node.config.deliversPayloads ? node.config.toElement() : undefined,
    ),
  );
}

/** §8.6, §12.12: a subscription's new state. */
export function subscriptionEvent(node: string, jid: string, state: string, subid?: string): Element {
  return event(xml('subscription', { node, jid, subscription: state, subid }));
}

function event(content: Element): Element {
  return xml('event', { xmlns: NS.pubsubEvent }, content);
}
