import { xml } from '../../../shared/xml/element.js';
import { parseJid } from '../../../shared/xmpp/jid.js';
import { StanzaError } from '../../../shared/xmpp/stanza-error.js';
import { unsupported } from '../errors.js';
import type { Affiliation } from '../nodes/node.js';
import { dropRefused } from './lost-access.js';
import { ownedNode, ownerAnswer, parts, type UseCase } from './request.js';

const AFFILIATIONS: readonly Affiliation[] = ['publisher', 'publish-only', 'member', 'outcast', 'none'];
/** Of one node. */
const LISTED = 1_000;

/** The affiliations with a node, for its owner (XEP-0060 §8.9.1). */
export const listAffiliations: UseCase = (_pep, request, account) => {
  const node = ownedNode(request, account);
  return ownerAnswer(
    xml(
      'affiliations',
      { node: node.name },
      xml('affiliation', { jid: request.owner, affiliation: 'owner' }),
      ...Object.entries(node.affiliations).map(([jid, affiliation]) =>
        xml('affiliation', { jid, affiliation }),
      ),
    ),
  );
};

/** Changing them (§8.9.2); all or none. Who loses access loses subscriptions too. */
export const setAffiliations: UseCase = async (pep, request, account) => {
  const node = ownedNode(request, account);
  const affiliations = new Map(Object.entries(node.affiliations));
  for (const part of parts(request.action, 'affiliation')) {
    const jid = parseJid(part.attrs['jid'] ?? '');
    const affiliation = AFFILIATIONS.find((known) => known === part.attrs['affiliation']);
    if (jid === null) throw new StanzaError('bad-request', { text: 'an affiliation has a jid' });
    if (jid.bare === request.owner) {
      if (part.attrs['affiliation'] === 'owner') continue;
      // XEP-0163 §2.2: an account owns its nodes, always and alone.
      throw new StanzaError('not-acceptable', { text: 'an account owns its nodes' });
    }
    if (affiliation === undefined) {
      if (part.attrs['affiliation'] === 'owner') throw unsupported('owner-affiliation');
      throw new StanzaError('bad-request', { text: 'no such affiliation' });
    }
    if (affiliation === 'none') affiliations.delete(jid.bare);
    else affiliations.set(jid.bare, affiliation);
  }
  if (affiliations.size > LISTED) throw new StanzaError('not-acceptable', { text: `at most ${LISTED}` });
  const changed = await account.change(node, { affiliations: Object.fromEntries(affiliations) });
  await dropRefused(pep, account, changed);
  return undefined;
};
