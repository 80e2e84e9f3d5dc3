import { clone, type Element, xml } from '../../shared/xml/element.js';
import { writeElement } from '../../shared/xml/write.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../shared/xmpp/stanza-error.js';
import type { Core } from '../core.js';
import { defineFeature } from '../feature.js';
import type { IqAnswer, IqRequest, IqScope } from '../iq/iq-registry.js';
import { isStranger, refuseStranger } from '../iq/strangers.js';
import { CONTACT_KINDS } from './contact-kinds.js';
import type { DiscoInfo, DiscoItem, DiscoQuery, NodeHandlers } from './disco-registry.js';
import { noItems } from './no-items.js';

/** Service discovery of the server and of accounts (XEP-0030, XEP-0128, XEP-0157). */
export const disco = defineFeature({
  name: 'service discovery',
  xeps: [
    { id: '0030', version: '2.5.0', status: 'complete' },
    { id: '0128', version: '1.0.1', status: 'complete' },
    { id: '0157', version: '1.1.1', status: 'complete' },
  ],
  setup(core) {
    core.disco.identity('server', { category: 'server', type: 'im', name: 'Entourage' });
    core.disco.identity('account', { category: 'account', type: 'registered' });
    core.disco.feature('server', NS.discoInfo, NS.discoItems);
    core.disco.feature('account', NS.discoInfo, NS.discoItems);
    const contacts = contactForm(core.settings.CONTACT_ADDRESSES);
    if (contacts !== null) core.disco.form('server', () => clone(contacts));
    core.hooks.componentUp.on(() => core.disco.changed());
    core.hooks.componentDown.on(() => core.disco.changed());
    for (const scope of ['server', 'account'] as const) {
      core.iq.on(scope, 'get', NS.discoInfo, 'query', (request) => info(core, scope, request));
      core.iq.on(scope, 'get', NS.discoItems, 'query', (request) => items(core, scope, request));
    }
  },
});

/** An answer about no node in particular: one for all who ask, but components, which see what they were granted. */
function general(
  core: Core,
  kind: 'info' | 'items',
  scope: IqScope,
  query: DiscoQuery,
  make: () => Element,
): IqAnswer {
  if (core.components.domains.has(query.from.domain)) return make();
  return core.disco.common(kind, scope, () => writeElement(make()));
}

function info(core: Core, scope: IqScope, request: IqRequest): IqAnswer {
  const query: DiscoQuery = { from: request.from, to: request.to, account: request.account };
  refuseStranger(request);
  const node = request.payload.attrs['node'];
  if (node === undefined) {
    return general(core, 'info', scope, query, () => infoElement(core.disco.info(scope, query)));
  }
  // No node, but the answer mirrors it (§3.2).
  if (node === '') return infoElement(core.disco.info(scope, query), node);
  const found = handlersOf(core, request, node)?.info?.(query) ?? null;
  // XEP-0030 §7
  if (found === null) throw new StanzaError('item-not-found');
  return infoElement(found, node);
}

function items(core: Core, scope: IqScope, request: IqRequest): IqAnswer {
  const query: DiscoQuery = { from: request.from, to: request.to, account: request.account };
  // XEP-0030 §8 rule 2: an empty answer, as for a missing account
  const nothing = isStranger(request) ? noItems(request.stanza) : null;
  if (nothing !== null) return nothing;
  const node = request.payload.attrs['node'];
  if (node === undefined) {
    return general(core, 'items', scope, query, () => itemsElement(core.disco.itemsOf(scope, query)));
  }
  if (node === '') return itemsElement(core.disco.itemsOf(scope, query), node);
  const found = handlersOf(core, request, node)?.items?.(query) ?? null;
  if (found === null) throw new StanzaError('item-not-found');
  return itemsElement(found, node);
}

function handlersOf(core: Core, { account, from }: IqRequest, node: string): NodeHandlers | undefined {
  if (account === null) return core.disco.nodeHandlers(node);
  return from.bare === account.bare ? core.disco.ownNodeHandlers(node) : undefined;
}

/** An answer to disco#info. */
export function infoElement(info: DiscoInfo, node?: string): Element {
  return xml(
    'query',
    { xmlns: NS.discoInfo, ...(node === undefined ? {} : { node }) },
    ...info.identities.map(({ category, type, name }) =>
      xml('identity', { category, type, ...(name === undefined ? {} : { name }) }),
    ),
    ...[...new Set(info.features)].map((feature) => xml('feature', { var: feature })),
    ...info.forms,
  );
}

/** An answer to disco#items. */
export function itemsElement(items: readonly DiscoItem[], node?: string): Element {
  return xml(
    'query',
    { xmlns: NS.discoItems, ...(node === undefined ? {} : { node }) },
    ...items.map((item) =>
      xml('item', {
        jid: item.jid,
        ...(item.node === undefined ? {} : { node: item.node }),
        ...(item.name === undefined ? {} : { name: item.name }),
      }),
    ),
  );
}

/** XEP-0157 §3: the addresses by kind, as a form of type `serverinfo`. */
function contactForm(addresses: readonly string[]): Element | null {
  if (addresses.length === 0) return null;
  const fields = CONTACT_KINDS.map((kind) => ({
    kind,
    values: addresses
      .filter((address) => address.startsWith(`${kind}=`))
      .map((address) => address.slice(kind.length + 1)),
  })).filter((field) => field.values.length > 0);
  return xml(
    'x',
    { xmlns: NS.dataForms, type: 'result' },
    xml('field', { var: 'FORM_TYPE', type: 'hidden' }, xml('value', {}, NS.serverInfo)),
    ...fields.map((field) =>
      xml(
        'field',
        { var: `${field.kind}-addresses`, type: 'list-multi' },
        ...field.values.map((value) => xml('value', {}, value)),
      ),
    ),
  );
}
