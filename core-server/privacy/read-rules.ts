import { children, type Element } from '../../shared/xml/element.js';
import { parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { hasList, itemKinds, type RuleDocument, type RuleItem } from './rule-document.js';

/** Reads a `<rules/>` of the privacy enforcement protocol; throws `bad-request` for anything that is not one. */
export function readRules(request: Element): RuleDocument {
  const { epoch, sequence } = request.attrs;
  if (epoch === undefined || sequence === undefined || !/^\d{1,15}$/.test(sequence))
    throw new StanzaError('bad-request');
  const lists = children(request, 'list', NS.privacyEnforcement).map((list) => {
    const name = list.attrs['name'];
    if (name === undefined) throw new StanzaError('bad-request');
    return { name, items: children(list, 'item', NS.privacyEnforcement).map(readItem) };
  });
  if (new Set(lists.map((list) => list.name)).size !== lists.length) throw new StanzaError('bad-request');
  const document = {
    epoch,
    sequence: Number(sequence),
    default: request.attrs['default'] ?? null,
    lists,
  };
  if (document.default !== null && !hasList(document, document.default)) {
    throw new StanzaError('item-not-found');
  }
  return document;
}

function readItem(item: Element): RuleItem {
  const { type, value, action, order } = item.attrs;
  const known = type === undefined || type === 'jid' || type === 'group' || type === 'subscription';
  if (!known || (action !== 'allow' && action !== 'deny') || !/^\d{1,10}$/.test(order ?? '')) {
    throw new StanzaError('bad-request');
  }
  // compared as text from now on
  const subject = type === 'jid' ? parseJid(value ?? '')?.full : (value ?? '');
  if (subject === undefined) throw new StanzaError('bad-request');
  return {
    type: type ?? null,
    value: subject,
    allow: action === 'allow',
    order: Number(order),
    kinds: itemKinds.filter((kind) => item.getChild(kind) !== undefined),
  };
}
