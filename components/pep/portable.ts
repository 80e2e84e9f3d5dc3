import type { PortablePart } from '../../shared/portable/part.js';
import type { Storage } from '../../shared/storage/storage.js';
import { children, clone, type Element, namespaceOf, xml } from '../../shared/xml/element.js';
import { Stanza } from '../../shared/xml/stanza.js';
import { writeElement } from '../../shared/xml/write.js';
import { type FieldValue, formOf, readSubmission } from '../../shared/xmpp/forms.js';
import { type BareJid, parseJid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import { configForm, NodeConfig, type NodeLimits } from './nodes/node-config.js';
import { type NodeStore, openNodeStore, type StoredNode } from './nodes/node-store.js';

/** Only bounds what a form may ask for; the process applies its own settings when it serves a node. */
const LIMITS: NodeLimits = { maxItems: 100_000, maxPayloadBytes: 16_777_216 };
const form = configForm(LIMITS);
const AFFILIATIONS = ['owner', 'publisher', 'publish-only', 'member', 'outcast'] as const;

/** PEP nodes in the portable format (XEP-0227 §"Personal Eventing Protocol"): configurations, then items. */
export function portableParts(storage: Storage): readonly PortablePart[] {
  const store = openNodeStore(storage);
  return [
    {
      name: 'pep',
      owners: () => store.owners(),
      export: (account) => exportNodes(store, account),
      async import(account, element) {
        if (element.getName() !== 'pubsub') return false;
        const namespace = namespaceOf(element);
        if (namespace === NS.pubsubOwner) await importOwner(store, account, element);
        else if (namespace === NS.pubsub) await importItems(store, account, element);
        else return false;
        return true;
      },
    },
  ];
}

async function exportNodes(store: NodeStore, account: BareJid): Promise<Element[]> {
  const nodes = (await store.account(account))?.value.nodes ?? [];
  if (nodes.length === 0) return [];
  const owner = xml('pubsub', { xmlns: NS.pubsubOwner });
  const items = xml('pubsub', { xmlns: NS.pubsub });
  for (const node of nodes) {
    owner.append(...ownerElements(node));
    items.append(await itemsElement(store, account, node));
  }
  return [owner, items];
}

/** A node's configuration, affiliations and subscriptions. */
function ownerElements({ name, config, affiliations, subscriptions }: StoredNode): Element[] {
  const elements = [xml('configure', { node: name }, new NodeConfig(form, LIMITS, config).toElement())];
  if (Object.keys(affiliations).length > 0) {
    const list = Object.entries(affiliations).map(([jid, affiliation]) =>
      xml('affiliation', { jid, affiliation }),
    );
    elements.push(xml('affiliations', { node: name }, ...list));
  }
  if (subscriptions.length > 0) {
    const list = subscriptions.map(({ jid, subid, state }) =>
      xml('subscription', { jid, subid, subscription: state }),
    );
    elements.push(xml('subscriptions', { node: name }, ...list));
  }
  return elements;
}

async function itemsElement(store: NodeStore, account: BareJid, node: StoredNode): Promise<Element> {
  const list = xml('items', { node: node.name });
  for (const entry of await store.entries(account, node.number)) {
    const payload = await store.payload(account, node.number, entry.place);
    if (payload === undefined) continue;
    const item = xml('item', { id: entry.id, publisher: entry.publisher });
    if (payload !== '') item.append(Stanza.parse(payload).element);
    list.append(item);
  }
  return list;
}

async function importOwner(store: NodeStore, account: BareJid, pubsub: Element): Promise<void> {
  for (const configure of children(pubsub, 'configure')) {
    const name = configure.attrs['node'];
    if (name) await changeNode(store, account, name, { config: readConfig(configure) });
  }
  for (const list of children(pubsub, 'affiliations')) {
    const name = list.attrs['node'];
    if (name) await changeNode(store, account, name, { affiliations: readAffiliations(list) });
  }
  for (const list of children(pubsub, 'subscriptions')) {
    const name = list.attrs['node'];
    if (name) await changeNode(store, account, name, { subscriptions: readSubscriptions(list) });
  }
}

async function importItems(store: NodeStore, account: BareJid, pubsub: Element): Promise<void> {
  for (const items of children(pubsub, 'items')) {
    const name = items.attrs['node'];
    if (!name) continue;
    const node = await changeNode(store, account, name, {});
    for (const item of children(items, 'item')) {
      const { id, publisher = account } = item.attrs;
      const [payload] = item.getChildElements();
      if (!id) continue;
      await store.appendItem(account, node.number, {
        id,
        publisher,
        stamp: Date.now(),
        payload: payload === undefined ? '' : writeElement(clone(payload), ''),
      });
    }
  }
}

/** Changes one node of an account, made with the defaults if it is not there. */
async function changeNode(
  store: NodeStore,
  account: BareJid,
  name: string,
  change: Partial<StoredNode>,
): Promise<StoredNode> {
  const { value: stored, version } = (await store.account(account)) ?? {
    value: { next: 1, nodes: [] },
    version: 0,
  };
  const known = stored.nodes.find((node) => node.name === name);
  const node: StoredNode = {
    name,
    number: stored.next,
    created: Date.now(),
    creator: account,
    config: {},
    affiliations: {},
    subscriptions: [],
    ...known,
    ...change,
  };
  const nodes =
    known === undefined
      ? [...stored.nodes, node]
      : stored.nodes.map((other) => (other === known ? node : other));
  const next = known === undefined ? stored.next + 1 : stored.next;
  await store.saveAccount(account, { next, nodes }, version);
  return node;
}

/** What we know of a configuration; an access model that we do not know becomes the strictest. */
function readConfig(configure: Element): Record<string, FieldValue> {
  const x = formOf(configure);
  if (x === undefined) return {};
  let config = new NodeConfig(form, LIMITS, {});
  for (const field of children(x, 'field')) {
    const one = xml('x', { xmlns: NS.dataForms, type: 'submit' }, clone(field));
    try {
      config = config.with(readSubmission(one, form) ?? {});
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      if (field.attrs['var'] === 'pubsub#access_model')
        config = config.with({ 'pubsub#access_model': 'whitelist' });
    }
  }
  return { ...config.overrides };
}

function readAffiliations(list: Element): StoredNode['affiliations'] {
  const affiliations: StoredNode['affiliations'] = {};
  for (const element of children(list, 'affiliation')) {
    const jid = parseJid(element.attrs['jid'] ?? '')?.bare;
    const affiliation = AFFILIATIONS.find((known) => known === element.attrs['affiliation']);
    if (jid !== undefined && affiliation !== undefined) affiliations[jid] = affiliation;
  }
  return affiliations;
}

function readSubscriptions(list: Element): StoredNode['subscriptions'] {
  return children(list, 'subscription').flatMap((element) => {
    const jid = parseJid(element.attrs['jid'] ?? '')?.full;
    const { subid = 'imported' } = element.attrs;
    // Prosody (0.12) writes another attribute than the format has.
    const subscription = element.attrs['subscription'] ?? element.attrs['subscribed'];
    if (jid === undefined || (subscription !== 'subscribed' && subscription !== 'pending')) return [];
    return [{ jid, subid, state: subscription }];
  });
}
