import { xml } from '../../../shared/xml/element.js';
import { answer, existingNode, type UseCase } from './request.js';

/** One's own subscriptions, at all nodes or at one (XEP-0060 §5.6). */
export const retrieveSubscriptions: UseCase = (_pep, request, account) => {
  const { bare } = request.from;
  const { node: name } = request.action.attrs;
  const nodes = name === undefined ? account.nodes : [existingNode(request, account)];
  const found = nodes.flatMap((node) =>
    node.subscriptions
      .filter(({ jid }) => jid === bare || jid.startsWith(`${bare}/`))
      .map(({ jid, subid, state }) =>
        xml('subscription', {
          node: name === undefined ? node.name : undefined,
          jid,
          subscription: state,
          subid,
        }),
      ),
  );
  return answer(xml('subscriptions', { node: name }, ...found));
};
