import { randomUUID } from 'node:crypto';
import { xml } from '../../../shared/xml/element.js';
import { detachedCopy } from '../../../shared/xml/names.js';
import { formOf } from '../../../shared/xmpp/forms.js';
import type { Jid } from '../../../shared/xmpp/jid.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Pep } from '../context.js';
import { pubsubError } from '../errors.js';
import type { Account } from '../nodes/account.js';
import type { PepNode } from '../nodes/node.js';
import type { NodeConfig } from '../nodes/node-config.js';
import { submittedConfig } from './configure.js';
import { answer, isOwner, parts, type UseCase } from './request.js';

const NAME_LENGTH = 512;

/** Creating a node, with a configuration or without (XEP-0060 §8.1). Without a name, the service makes one. */
export const createNode: UseCase = async (pep, request, account) => {
  if (!isOwner(request)) throw new StanzaError('forbidden');
  const asked = request.action.attrs['node'];
  const name = asked === undefined || asked === '' ? randomUUID() : asked;
  if (account.node(name) !== undefined) throw new StanzaError('conflict');
  const [configure] = parts(request.pubsub, 'configure');
  const form = configure && formOf(configure);
  const { defaults } = pep.accounts;
  const config = form === undefined ? defaults : submittedConfig(defaults, form);
  if (config === null) throw new StanzaError('bad-request', { text: 'the form is cancelled' });
  await newNode(pep, account, name, request.from, config);
  // §8.1.2: a name that the service made is told.
  return asked === name ? undefined : answer(xml('create', { node: name }));
};

/** A new node within the account's bounds. Resolves when it is durable. */
export async function newNode(
  pep: Pep,
  account: Account,
  name: string,
  creator: Jid,
  config: NodeConfig,
): Promise<PepNode> {
  if (name.length > NAME_LENGTH) {
    throw new StanzaError('not-acceptable', { text: `a NodeID has at most ${NAME_LENGTH} characters` });
  }
  if (account.size >= pep.limits.nodesPerAccount) {
    throw pubsubError('policy-violation', 'max-nodes-exceeded', {
      type: 'cancel',
      text: `an account has at most ${pep.limits.nodesPerAccount} nodes`,
    });
  }
  const node = await account.create(detachedCopy(name), creator.bare, config);
  pep.nodesCreated(account.owner);
  return node;
}
