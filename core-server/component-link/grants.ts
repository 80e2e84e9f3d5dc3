import { NS } from '../../shared/xmpp/namespaces.js';

type IqAccess = 'get' | 'set' | 'both';

/** A namespace that a component answers for the server (XEP-0355), only where all `attributes` are on the payload. */
export interface DelegationGrant {
  readonly namespace: string;
  readonly attributes: readonly string[];
}

/** What a component may do beyond speaking for its own domain. */
export interface Grants {
  readonly delegations: readonly DelegationGrant[];
  readonly roster: 'none' | IqAccess;
  readonly rosterPush: boolean;
  readonly message: boolean;
  readonly presence: 'none' | 'managed_entity' | 'roster';
  readonly iq: ReadonlyMap<string, IqAccess>;
  /** One stanza to many addressees, ours (XEP-0033 `bcc`). */
  readonly multicast: boolean;
  readonly clientLink: boolean;
  readonly privacyEnforcement: boolean;
}

/** What our own components need, in the notation of the setting. */
export const STANDARD_GRANTS: Readonly<Record<string, string>> = {
  muc: 'multicast',
  vcard: `delegate:${NS.vcard}`,
  pep: [
    `delegate:${NS.pubsub}`,
    `delegate:${NS.pubsubOwner}`,
    `delegate:${NS.delegation2}:bare:disco#info:*`,
    `delegate:${NS.delegation2}:bare:disco#items:*`,
    'roster:get',
    'message:outgoing',
    'presence:roster',
    `iq:${NS.discoInfo}=get`,
    `iq:${NS.vcard}=both`,
    `iq:${NS.pubsub}=set`,
  ].join(' '),
  privacy: `delegate:${NS.privacy} delegate:${NS.blocking} roster:get iq:${NS.privacy}=set iq:${NS.blocking}=set privacy-enforcement`,
  bosh: 'client-link',
};

const GRANTS_EXPECTED =
  'words among delegate:NAMESPACE, delegate:NAMESPACE[ATTRIBUTE,…], roster:get|set|both, roster-push:off, ' +
  'message:outgoing, presence:managed_entity|roster, iq:NAMESPACE=get|set|both, multicast, client-link, privacy-enforcement';

/** Reads the notation of `COMPONENT_<NAME>_GRANTS`. Returns what is wrong with it as a string. */
export function parseGrants(text: string): Grants | string {
  const delegations: DelegationGrant[] = [];
  const iq = new Map<string, IqAccess>();
  let roster: Grants['roster'] = 'none';
  let push: boolean | undefined;
  let message = false;
  let presence: Grants['presence'] = 'none';
  const flags = { multicast: false, 'client-link': false, 'privacy-enforcement': false };
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const colon = word.indexOf(':');
    const verb = colon < 0 ? word : word.slice(0, colon);
    const value = colon < 0 ? '' : word.slice(colon + 1);
    if (verb === 'delegate' && value !== '') {
      const match = /^(.*?)(?:\[([^\]]*)\])?$/.exec(value);
      const namespace = match?.[1] ?? '';
      // XEP-0355 §"Security Considerations": the delegation namespace itself is never delegated
      if (namespace === NS.delegation1 || namespace === NS.delegation2) return `${word}: never delegated`;
      delegations.push({ namespace, attributes: match?.[2]?.split(',').filter((name) => name !== '') ?? [] });
    } else if (verb === 'roster' && isAccess(value)) roster = value;
    else if (verb === 'roster-push' && (value === 'off' || value === 'on')) push = value === 'on';
    else if (verb === 'message' && value === 'outgoing') message = true;
    else if (verb === 'presence' && (value === 'managed_entity' || value === 'roster')) presence = value;
    else if (verb === 'iq') {
      const equals = value.lastIndexOf('=');
      const access = value.slice(equals + 1);
      if (equals < 1 || !isAccess(access)) return `${word}: expected iq:NAMESPACE=get|set|both`;
      iq.set(value.slice(0, equals), access);
    } else if (verb in flags && colon < 0) flags[verb as keyof typeof flags] = true;
    else return `${word}: expected ${GRANTS_EXPECTED}`;
  }
  // XEP-0356 §"Roster Presence": without read access to rosters the permission is rejected
  if (presence === 'roster' && roster !== 'get' && roster !== 'both')
    return 'presence:roster needs roster:get';
  return {
    delegations,
    roster,
    // XEP-0356 §"Server Allows Roster Access": the default, and never without read access
    rosterPush: (roster === 'get' || roster === 'both') && push !== false,
    message,
    presence,
    iq,
    multicast: flags.multicast,
    clientLink: flags['client-link'],
    privacyEnforcement: flags['privacy-enforcement'],
  };
}

function isAccess(text: string): text is IqAccess {
  return text === 'get' || text === 'set' || text === 'both';
}

/** Whether an access covers an IQ type. */
export function covers(access: 'none' | IqAccess | undefined, type: 'get' | 'set'): boolean {
  return access === type || access === 'both';
}
