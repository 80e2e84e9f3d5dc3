import type { Component, IqHandler, IqRequest } from '../../shared/component/component.js';
import { NOT_MINE } from '../../shared/component/component.js';
import { type Element, xml } from '../../shared/xml/element.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Changes } from './changes.js';
import type { Enforcer } from './enforcer.js';
import { readItems } from './item-syntax.js';
import type { ListStore } from './list-store.js';
import { type Item, listOf, withList, withoutList } from './lists.js';
import { ownAccount } from './own-account.js';

export interface PrivacyListsParts {
  readonly component: Component;
  readonly store: ListStore;
  readonly changes: Changes;
  readonly enforcer: Enforcer;
  readonly maxLists: number;
  readonly maxItems: number;
}

/** `jabber:iq:privacy` get (XEP-0016 §2.3): all names, or one list. */
export function getLists(parts: PrivacyListsParts): IqHandler {
  return async (request) => {
    if (request.delegated === null) return NOT_MINE;
    const account = ownAccount(request);
    const wanted = request.payload.getChildElements();
    const { current } = await parts.store.get(account);
    if (wanted.length === 0) {
      const active = await activeOf(parts.enforcer, request, account);
      return xml(
        'query',
        { xmlns: NS.privacy },
        active === null ? null : xml('active', { name: active }),
        current.default === null ? null : xml('default', { name: current.default }),
        ...current.lists.map(({ name }) => xml('list', { name })),
      );
    }
    // §2.3: more than one list in a request is bad-request
    const [list] = wanted;
    const name = list?.attrs['name'];
    if (wanted.length > 1 || list?.is('list', NS.privacy) !== true || name === undefined)
      throw new StanzaError('bad-request');
    const items = listOf(current, name);
    if (items === undefined) throw new StanzaError('item-not-found');
    return xml('query', { xmlns: NS.privacy }, xml('list', { name }, ...items.map(itemElement)));
  };
}

/** `jabber:iq:privacy` set (§2.4–2.8): active list, default list, or one list's definition. */
export function setLists(parts: PrivacyListsParts): IqHandler {
  return async (request) => {
    if (request.delegated === null) return NOT_MINE;
    const account = ownAccount(request);
    const children = request.payload.getChildElements();
    const [element] = children;
    // §2.1: exactly one child
    if (children.length !== 1 || element?.getNS() !== NS.privacy) throw new StanzaError('bad-request');
    const name = element.attrs['name'];
    switch (element.getName()) {
      case 'active':
        await parts.enforcer.setActive(account, request.from.full, name ?? null);
        return undefined;
      case 'default':
        await setDefault(parts, request, account, name ?? null);
        return undefined;
      case 'list':
        if (name === undefined) throw new StanzaError('bad-request');
        await setList(parts, request, account, name, element);
        return undefined;
      default:
        throw new StanzaError('bad-request');
    }
  };
}

function setDefault(
  parts: PrivacyListsParts,
  request: IqRequest,
  account: string,
  name: string | null,
): Promise<void> {
  return parts.changes.change(
    account,
    (lists) => {
      if (name !== null && listOf(lists, name) === undefined) throw new StanzaError('item-not-found');
      return lists.default === name ? lists : { ...lists, default: name };
    },
    { session: request.from.full, force: false },
  );
}

async function setList(
  parts: PrivacyListsParts,
  request: IqRequest,
  account: string,
  name: string,
  element: Element,
): Promise<void> {
  const items = readItems(element);
  if (items.length > parts.maxItems) throw new StanzaError('resource-constraint', { text: 'too many items' });
  if (items.length > 0) await checkGroups(parts.component, account, items);
  await parts.changes.change(
    account,
    (lists) => {
      const known = listOf(lists, name) !== undefined;
      // §2.8: an empty list removes
      if (items.length === 0) {
        if (!known) throw new StanzaError('item-not-found');
        return withoutList(lists, name);
      }
      if (!known && lists.lists.length >= parts.maxLists) {
        throw new StanzaError('resource-constraint', { text: 'too many lists' });
      }
      return withList(lists, name, items);
    },
    { session: request.from.full, force: false },
  );
}

/** §2.1: a group that is not in the roster is item-not-found; without access to rosters groups are taken as they are. */
async function checkGroups(component: Component, account: string, items: readonly Item[]): Promise<void> {
  const groups = new Set(items.filter((item) => item.type === 'group').map((item) => item.value));
  if (groups.size === 0) return;
  let roster: Element;
  try {
    roster = await component.privileged.getRoster(account);
  } catch {
    return;
  }
  const known = new Set(
    roster.getChildren('item').flatMap((item) => item.getChildren('group').map((g) => g.getText())),
  );
  for (const group of groups) if (!known.has(group)) throw new StanzaError('item-not-found');
}

async function activeOf(enforcer: Enforcer, request: IqRequest, account: string): Promise<string | null> {
  const resources = await enforcer.resources(account);
  return resources.find((resource) => resource.jid === request.from.full)?.active ?? null;
}

/** An item as XEP-0016 writes it. */
export function itemElement(item: Item): Element {
  return xml(
    'item',
    {
      ...(item.type === null ? {} : { type: item.type, value: item.value }),
      action: item.action,
      order: String(item.order),
    },
    ...item.kinds.map((kind) => xml(kind)),
  );
}
