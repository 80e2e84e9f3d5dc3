import { children, type Element } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { itemKinds, type RuleDocument, type RuleItem } from './rule-document.js';

/** Reads a `<rules/>` of the privacy enforcement protocol; throws `bad-request` for anything that is not one. */
export function readRules(request: Element): RuleDocument {
  const { epoch, sequence } = request.attrs;
  if (epoch === undefined || sequence === undefined || !/^\d{1,15}$/.test(sequence))
    throw new StanzaError('bad-request');
  const lists: Record<string, RuleItem[]> = {};
  for (const list of children(request, 'list', NS.privacyEnforcement)) {
    const name = list.attrs['name'];
    if (name === undefined) throw new StanzaError('bad-request');
    lists[name] = children(list, 'item', NS.privacyEnforcement).map(readItem);
  }
  const defaultName = request.attrs['default'] ?? null;
  if (defaultName !== null && lists[defaultName] === undefined) throw new StanzaError('item-not-found');
  return { epoch, sequence: Number(sequence), default: defaultName, lists };
}

function readItem(item: Element): RuleItem {
  const { type, value, action, order } = item.attrs;
  const known = type === undefined || type === 'jid' || type === 'group' || type === 'subscription';
  if (!known || (action !== 'allow' && action !== 'deny') || !/^\d{1,10}$/.test(order ?? '')) {
    throw new StanzaError('bad-request');
  }
  return {
    type: type ?? null,
    value: value ?? '',
    allow: action === 'allow',
    order: Number(order),
    kinds: itemKinds.filter((kind) => item.getChild(kind) !== undefined),
  };
}
