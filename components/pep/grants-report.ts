import type { Component, ServerLink } from '../../shared/component/component.js';
import { NS } from '../../shared/xmpp/namespaces.js';

interface Missing {
  readonly grant: string;
  readonly lost: string;
}

/** What each grant is for; everything else goes on without it. */
function missingGrants({ delegations, privileges }: ServerLink): readonly Missing[] {
  const missing: Missing[] = [];
  const need = (granted: boolean, grant: string, lost: string): void => {
    if (!granted) missing.push({ grant, lost });
  };
  need(delegations.has(NS.pubsub), `delegation of ${NS.pubsub}`, 'nothing can be published or retrieved');
  need(
    delegations.has(NS.pubsubOwner),
    `delegation of ${NS.pubsubOwner}`,
    'nodes cannot be configured or deleted',
  );
  need(privileges.message === 'outgoing', 'privilege message:outgoing', 'nobody is notified of anything');
  need(
    privileges.roster === 'get' || privileges.roster === 'both',
    'privilege roster:get',
    'the access models presence and roster let only the owner in',
  );
  need(
    privileges.presence !== 'none',
    'privilege presence:managed_entity or presence:roster',
    'only explicit subscribers are notified',
  );
  if (privileges.presence === 'managed_entity') {
    need(false, 'privilege presence:roster', 'contacts at other servers are notified only if they subscribe');
  }
  const asks = privileges.iq.get(NS.discoInfo);
  need(
    asks === 'get' || asks === 'both',
    `privilege iq:${NS.discoInfo}=get`,
    'clients are asked for their capabilities by this component, and those that do not answer strangers are not notified',
  );
  need(
    privileges.iq.get(NS.vcard) === 'both',
    `privilege iq:${NS.vcard}=both`,
    'avatars are not converted to vCards and back',
  );
  return missing;
}

/** Tells the operator which grants the server does not give, and what will not work without them. */
export function reportMissingGrants(component: Component, link: ServerLink): void {
  for (const { grant, lost } of missingGrants(link)) {
    component.log.warn({ code: 'pep.grant-missing', grant, lost }, `the server does not grant: ${grant}`);
  }
}
