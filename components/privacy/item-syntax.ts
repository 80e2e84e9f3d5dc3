import type { Element } from '../../shared/xml/element.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { type Item, itemKinds } from './lists.js';

const MAX_ORDER = 2 ** 32 - 1;
const SUBSCRIPTIONS = ['none', 'to', 'from', 'both'];

/** Reads the items of a `<list/>` (XEP-0016 §2.1); throws `bad-request` for what is not one. */
export function readItems(list: Element): Item[] {
  const items = list.getChildElements().map(readItem);
  const orders = new Set(items.map((item) => item.order));
  // §2.1: orders are unique
  if (orders.size !== items.length) throw new StanzaError('bad-request');
  return items.sort((a, b) => a.order - b.order);
}

function readItem(item: Element): Item {
  const { type, value, action, order } = item.attrs;
  if (item.getName() !== 'item' || (action !== 'allow' && action !== 'deny'))
    throw new StanzaError('bad-request');
  if (!/^\d{1,10}$/.test(order ?? '') || Number(order) > MAX_ORDER) throw new StanzaError('bad-request');
  const kinds = item.getChildElements().map((child) => {
    const kind = itemKinds.find((known) => known === child.getName());
    if (kind === undefined) throw new StanzaError('bad-request');
    return kind;
  });
  return { ...readSubject(type, value), action, order: Number(order), kinds: [...new Set(kinds)] };
}

function readSubject(type: string | undefined, value: string | undefined): Pick<Item, 'type' | 'value'> {
  // the fall-through case: a value means nothing without a type
  if (type === undefined) return { type: null, value: '' };
  if (value === undefined || value === '') throw new StanzaError('bad-request');
  switch (type) {
    case 'jid': {
      // `domain/resource` and `domain` are JIDs too
      const jid = parseJid(value);
      if (jid === null) throw new StanzaError('bad-request');
      return { type, value: jid.full };
    }
    case 'group':
      return { type, value };
    case 'subscription':
      if (!SUBSCRIPTIONS.includes(value)) throw new StanzaError('bad-request');
      return { type, value };
    default:
      throw new StanzaError('bad-request');
  }
}
