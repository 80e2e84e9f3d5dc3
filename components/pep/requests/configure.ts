import type { Element } from '../../../shared/xml/element.js';
import { xml } from '../../../shared/xml/element.js';
import { formElement, formOf, parseForm, readSubmission } from '../../../shared/xmpp/forms.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { pubsubError, unsupported } from '../errors.js';
import type { NodeConfig } from '../nodes/node-config.js';
import { configurationEvent } from '../notify/events.js';
import { dropRefused } from './lost-access.js';
import { ownedNode, ownerAnswer, type UseCase } from './request.js';

/** The configuration form of a node (XEP-0060 §8.2.1). */
export const retrieveConfiguration: UseCase = (_pep, request, account) => {
  const node = ownedNode(request, account);
  return ownerAnswer(
    xml('configure', { node: node.name }, formElement(node.config.form, node.config.values)),
  );
};

/** Its submission (§8.2.4). */
export const configureNode: UseCase = async (pep, request, account) => {
  const node = ownedNode(request, account);
  const form = formOf(request.action);
  if (form === undefined) throw new StanzaError('bad-request', { text: 'no form' });
  const config = submittedConfig(node.config, form);
  if (config === null) return undefined;
  const { accessModel } = node.config;
  const changed = await account.change(node, { config });
  if (config.accessModel !== accessModel) pep.accessChanged(request.owner, changed);
  if (config.persistent) {
    const items = await account.items(changed);
    const surplus = items.slice(0, Math.max(0, items.length - config.maxItems));
    if (surplus.length > 0) await account.removeItems(changed, surplus);
  } else await account.removeAllItems(changed);
  if (config.notifiesConfig) pep.notifier.event(request.owner, changed, configurationEvent(changed));
  await dropRefused(pep, account, changed);
  return undefined;
};

/** A configuration with what was submitted; null where the form was cancelled (§8.2.4). */
export function submittedConfig(config: NodeConfig, form: Element): NodeConfig | null {
  const { fields } = parseForm(form);
  const model = fields.get('pubsub#access_model')?.values[0];
  const offered = config.form.fields.find((field) => field.var === 'pubsub#access_model')?.options ?? [];
  // §8.1.2, example "Service does not support specified access model"
  if (model !== undefined && !offered.includes(model)) {
    throw pubsubError('not-acceptable', 'unsupported-access-model');
  }
  // The schema of pubsub#errors has `collections` (XEP-0248): who asks for one is not to be given a leaf.
  if (fields.get('pubsub#node_type')?.values[0] === 'collection') throw unsupported('collections');
  const values = readSubmission(form, config.form);
  return values === null ? null : config.with(values);
}
