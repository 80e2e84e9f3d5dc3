import { type IqHandler, NOT_MINE } from '../../shared/component/component.js';
import type { Element } from '../../shared/xml/element.js';
import { formatDateTime } from '../../shared/xmpp/datetime.js';
import { infoElement, itemsElement } from '../../shared/xmpp/disco.js';
import { type FormDeclaration, valuesElement } from '../../shared/xmpp/forms.js';
import type { Jid } from '../../shared/xmpp/jid.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { pageOf, parseResultSet, resultSetElement } from '../../shared/xmpp/rsm.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Pep } from './context.js';
import { affiliationOf, type PepNode } from './nodes/node.js';

/** XEP-0060 §10, without its prefix. */
const FEATURES = [
  'access-authorize',
  'access-open',
  'access-presence',
  'access-roster',
  'access-whitelist',
  'auto-create',
  'auto-subscribe',
  'config-node',
  'config-node-max',
  'create-and-configure',
  'create-nodes',
  'delete-items',
  'delete-nodes',
  'filtered-notifications',
  'instant-nodes',
  'item-ids',
  'last-published',
  'manage-subscriptions',
  'member-affiliation',
  'meta-data',
  'modify-affiliations',
  'multi-items',
  'outcast-affiliation',
  'persistent-items',
  'presence-notifications',
  'presence-subscribe',
  'publish',
  'publish-node-full',
  'publish-only-affiliation',
  'publish-options',
  'publisher-affiliation',
  'purge-nodes',
  'retract-items',
  'retrieve-affiliations',
  'retrieve-default',
  'retrieve-items',
  'retrieve-subscriptions',
  'rsm',
  'subscribe',
  'subscription-notifications',
];

/** What every account says in its disco#info (XEP-0163 §6.1), nested into the server's own answer by XEP-0355. */
export const ACCOUNT_DISCO = {
  identities: [{ category: 'pubsub', type: 'pep' }],
  features: [NS.pubsub, ...FEATURES.map((name) => `${NS.pubsub}#${name}`)],
};

const META_DATA: FormDeclaration = {
  formType: NS.pubsubMetaData,
  fields: [
    { var: 'pubsub#type', type: 'text-single', label: 'Payload semantic type information' },
    { var: 'pubsub#creator', type: 'jid-single', label: 'Node creator' },
    { var: 'pubsub#creation_date', type: 'text-single', label: 'Creation date' },
    { var: 'pubsub#title', type: 'text-single', label: 'A short name for the node' },
    { var: 'pubsub#description', type: 'text-single', label: 'A description of the node' },
    { var: 'pubsub#language', type: 'list-single', label: 'Default language' },
    { var: 'pubsub#contact', type: 'jid-multi', label: 'People to contact with questions' },
    { var: 'pubsub#access_model', type: 'list-single', label: 'Access model' },
    { var: 'pubsub#publish_model', type: 'list-single', label: 'Publish model' },
    { var: 'pubsub#max_items', type: 'text-single', label: 'The most items that are kept' },
    { var: 'pubsub#owner', type: 'jid-multi', label: 'Node owners' },
    { var: 'pubsub#publisher', type: 'jid-multi', label: 'Publishers to this node' },
    { var: 'pubsub#num_subscribers', type: 'text-single', label: 'Number of subscribers to this node' },
  ],
};

/** disco#info of a node of an account (XEP-0060 §5.3, §5.4). Without a node the server answers, with what we nest. */
export function nodeInfo(pep: Pep): IqHandler {
  return (request) => {
    const name = request.payload.attrs['node'];
    if (request.delegated === null) return NOT_MINE;
    if (request.to.local === '' || name === undefined || name === '') {
      throw new StanzaError('item-not-found');
    }
    const owner = request.to.bare;
    return pep.accounts.with(owner, async (account) => {
      const node = account.node(name);
      if (node === undefined) {
        // XEP-0030 §8 rule 1: a stranger hears what a missing account gives, with a node or without
        const stranger = await isStranger(pep, owner, request.from);
        throw new StanzaError(stranger ? 'service-unavailable' : 'item-not-found');
      }
      const refusal = await pep.refusal(owner, node, request.from);
      if (refusal !== null && !mayAskIn(owner, node, request.from)) throw refusal;
      return infoElement(
        {
          identities: [{ category: 'pubsub', type: 'leaf', name: node.config.title || undefined }],
          features: [NS.pubsub],
          forms: [metaData(owner, node)],
        },
        name,
      );
    });
  };
}

function metaData(owner: string, node: PepNode): Element {
  const { config } = node;
  const publishers = Object.entries(node.affiliations)
    .filter(([, affiliation]) => affiliation === 'publisher' || affiliation === 'publish-only')
    .map(([jid]) => jid);
  const subscribers = node.subscriptions.filter(({ state }) => state === 'subscribed');
  return valuesElement(META_DATA, {
    ...config.values,
    'pubsub#max_items': String(config.maxItems),
    'pubsub#creator': node.creator,
    'pubsub#creation_date': formatDateTime(node.created),
    'pubsub#owner': [owner],
    'pubsub#publisher': [owner, ...publishers],
    'pubsub#num_subscribers': String(subscribers.length),
  });
}

/** disco#items of an account, its nodes; or of a node, its items (XEP-0060 §5.2, §5.5): what the requester may see. */
export function nodeItems(pep: Pep): IqHandler {
  return (request) => {
    if (request.delegated === null) return NOT_MINE;
    const { to, from, payload } = request;
    if (to.local === '') throw new StanzaError('item-not-found');
    const owner = to.bare;
    const name = payload.attrs['node'];
    const resultSet = parseResultSet(payload);
    return pep.accounts.with(owner, async (account) => {
      if (name !== undefined && name !== '') {
        const node = account.node(name);
        if (node === undefined) {
          // XEP-0030 §8 rule 2: of an account that does not exist a stranger gets an empty answer, with a node or without
          if (await isStranger(pep, owner, from)) return itemsElement([], name);
          throw new StanzaError('item-not-found');
        }
        const refusal = await pep.refusal(owner, node, from);
        if (refusal !== null) throw refusal;
        const { items, page } = pageOf(await account.items(node), resultSet, {
          id: (item) => item.id,
          limit: 1_000,
        });
        return withSet(
          itemsElement(
            items.map((item) => ({ jid: owner, name: item.id })),
            name,
          ),
          resultSet === null ? null : page,
        );
      }
      const visible: PepNode[] = [];
      for (const node of account.nodes) {
        // XEP-0163 §6.2, note: those to which the contact may subscribe or from which it may retrieve items.
        if (mayAskIn(owner, node, from) || (await pep.refusal(owner, node, from)) === null)
          visible.push(node);
      }
      // XEP-0030 §8 rule 2: empty also for a stranger, and the same of an account that shows nothing and of none
      const { items, page } = pageOf(visible, resultSet, { id: (node) => node.name, limit: 1_000 });
      return withSet(
        itemsElement(
          items.map((node) => ({ jid: owner, node: node.name, name: node.config.title || undefined })),
          name,
        ),
        resultSet === null ? null : page,
      );
    });
  };
}

/** Whether somebody is neither the owner nor subscribed to its presence; true for everybody where there is no account. */
async function isStranger(pep: Pep, owner: string, from: Jid): Promise<boolean> {
  return from.bare !== owner && !(await pep.contact(owner, from))?.subscriber;
}

function withSet(query: Element, page: Parameters<typeof resultSetElement>[0] | null): Element {
  if (page !== null) query.append(resultSetElement(page));
  return query;
}

/** Whether an entity may ask to be let in: anyone but outcasts and those who may only publish (XEP-0060 §4.1). */
function mayAskIn(owner: string, node: PepNode, entity: Jid): boolean {
  const { accessModel, subscribable } = node.config;
  return accessModel === 'authorize' && subscribable && affiliationOf(owner, node, entity.bare) === 'none';
}
