import { xml } from '../../../shared/xml/element.js';
import { affiliationOf } from '../nodes/node.js';
import { answer, existingNode, type UseCase } from './request.js';

/** One's own affiliations, with all nodes or with one (XEP-0060 §5.7). */
export const retrieveAffiliations: UseCase = (_pep, request, account) => {
  const { node: name } = request.action.attrs;
  const nodes = name === undefined ? account.nodes : [existingNode(request, account)];
  const found = nodes
    .map((node) => ({ node, affiliation: affiliationOf(request.owner, node, request.from.bare) }))
    .filter(({ affiliation }) => affiliation !== 'none')
    .map(({ node, affiliation }) => xml('affiliation', { node: node.name, affiliation }));
  return answer(xml('affiliations', { node: name }, ...found));
};
