import { type IqHandler, NOT_MINE } from '../../../shared/component/component.js';
import { childElements, type Element } from '../../../shared/xml/element.js';
import { NS } from '../../../shared/xmpp/namespaces.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import type { Pep } from '../context.js';
import { unsupported } from '../errors.js';
import { retrieveAffiliations } from './affiliations.js';
import { configureNode, retrieveConfiguration } from './configure.js';
import { createNode } from './create.js';
import { retrieveDefaults } from './default-configuration.js';
import { deleteNode } from './delete.js';
import { retrieveItems } from './items.js';
import { listAffiliations, setAffiliations } from './manage-affiliations.js';
import { listSubscriptions, setSubscriptions } from './manage-subscriptions.js';
import { publish } from './publish.js';
import { purgeNode } from './purge.js';
import type { UseCase } from './request.js';
import { retract } from './retract.js';
import { subscribe } from './subscribe.js';
import { retrieveSubscriptions } from './subscriptions.js';
import { unsubscribe } from './unsubscribe.js';

/** Every use case, by the type of the IQ and the child of `<pubsub/>` that names it. */
const USE_CASES: Readonly<Record<string, Readonly<Record<string, UseCase>>>> = {
  [`get ${NS.pubsub}`]: {
    items: retrieveItems,
    subscriptions: retrieveSubscriptions,
    affiliations: retrieveAffiliations,
    // XEP-0060 §6.3, §6.4
    options: () => {
      throw unsupported('subscription-options');
    },
    default: () => {
      throw unsupported('retrieve-default-sub');
    },
  },
  [`set ${NS.pubsub}`]: {
    publish,
    retract,
    create: createNode,
    subscribe,
    unsubscribe,
    options: () => {
      throw unsupported('subscription-options');
    },
  },
  [`get ${NS.pubsubOwner}`]: {
    configure: retrieveConfiguration,
    default: retrieveDefaults,
    subscriptions: listSubscriptions,
    affiliations: listAffiliations,
  },
  [`set ${NS.pubsubOwner}`]: {
    configure: configureNode,
    delete: deleteNode,
    purge: purgeNode,
    subscriptions: setSubscriptions,
    affiliations: setAffiliations,
  },
};

/** A server that does not tell a roster must not keep a publisher waiting: what is stored is stored. */
const PATIENCE_MILLISECONDS = 5_000;

/** Elements that go along with a use case and never name one. */
const COMPANIONS = new Set(['publish-options', 'set']);

/** Takes a delegated `<pubsub/>` to its use case, with the account's nodes to itself. */
export function dispatch(pep: Pep): IqHandler {
  return (request) => {
    if (request.delegated === null) return NOT_MINE;
    const { from, to, type, payload } = request;
    // Accounts are pubsub services; the server itself is none.
    if (to.local === '') throw new StanzaError('service-unavailable');
    const namespace = payload.getNS() ?? '';
    const action = actionOf(payload, namespace);
    const useCases = USE_CASES[`${type} ${namespace}`] ?? {};
    const useCase =
      action !== undefined && Object.hasOwn(useCases, action.getName())
        ? useCases[action.getName()]
        : undefined;
    if (action === undefined || useCase === undefined) throw new StanzaError('bad-request');
    const owner = to.bare;
    const answer = pep.accounts.with(owner, (account) =>
      useCase(pep, { from, owner, pubsub: payload, action }, account),
    );
    return type === 'set' ? notifiedFirst(pep, owner, answer) : answer;
  };
}

/**
 * What is acknowledged is not lost with this process. Notifications of a change go before the answer on the
 * same stream, so a server that has the answer has them too.
 */
async function notifiedFirst<T>(pep: Pep, owner: string, answer: Promise<T>): Promise<T> {
  const result = await answer;
  const sent = pep.notifier.sent(owner);
  if (sent === undefined) return result;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MILLISECONDS);
  });
  await Promise.race([sent, patience]);
  clearTimeout(timer);
  return result;
}

/** `<configure/>` beside `<create/>` is its companion; alone it is a use case (of the owner's namespace). */
function actionOf(pubsub: Element, namespace: string): Element | undefined {
  const candidates = childElements(pubsub).filter(
    (element) => element.getNS() === namespace && !COMPANIONS.has(element.getName()),
  );
  return candidates.find((element) => element.getName() !== 'configure') ?? candidates[0];
}
