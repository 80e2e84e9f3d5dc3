import { account, custom, list } from '../shared/settings/kinds.js';
import { defineSettings, type Loaded, setting } from '../shared/settings/setting.js';
import { COMPONENT_LABELS, domains, keyHasCertificate, sharedSettings } from '../shared/settings/shared.js';
import { parseGrants } from './component-link/grants.js';
import { CONTACT_KINDS } from './disco/contact-kinds.js';
import { clientSettings } from './settings/clients.js';
import { componentLinkSettings } from './settings/component-link.js';
import { federationSettings } from './settings/federation.js';
import { limitSettings } from './settings/limits.js';

const contact = custom('`kind=URI`, as `abuse=mailto:abuse@example.org`', (value) => {
  const [kind = '', uri = ''] = value.split(/=(.*)/s);
  return CONTACT_KINDS.includes(kind) && /^[a-z][a-z0-9+.-]*:./i.test(uri) ? value : undefined;
});

const entries = {
  ...sharedSettings,

  XMPP_DOMAINS: setting(domains, {
    description: 'Domains whose accounts this core serves; the first is the default.',
    default: 'localhost',
  }),
  ADMINS: setting(list(account), {
    description: 'Bare JIDs of the administrators (XEP-0133 commands, announcements, the server vCard).',
    default: '',
  }),
  CONTACT_ADDRESSES: setting(list(contact), {
    description:
      'Contact addresses of this server (XEP-0157): kinds abuse, admin, feedback, sales, security, status, support.',
    default: '',
  }),

  ...clientSettings,
  ...limitSettings,
  ...componentLinkSettings,
  ...federationSettings,
};

export type CoreSettings = Loaded<typeof entries>;

type Problem = (name: string, expected: string) => void;

/** Components of ours that keep state which two instances would not share. */
const UNSHARED: ReadonlySet<string> = new Set(['muc', 'privacy']);

/** A domain is the core's own, or one component's: else stanzas for it would go to whichever came first. */
function oneOwnerOfEachDomain({ COMPONENT, XMPP_DOMAINS }: CoreSettings, problem: Problem): void {
  const owners = new Map(XMPP_DOMAINS.map((domain) => [domain, 'XMPP_DOMAINS']));
  for (const [name, component] of COMPONENT) {
    const key = `COMPONENT_${name.toUpperCase()}`;
    const owner = owners.get(component.DOMAIN);
    if (owner !== undefined)
      problem(`${key}_DOMAIN`, `expected a domain of its own, but ${component.DOMAIN} is in ${owner}`);
    owners.set(component.DOMAIN, `${key}_DOMAIN`);
  }
}

function aSecretForEachComponent({ COMPONENT, COMPONENTS }: CoreSettings, problem: Problem): void {
  for (const [name, component] of COMPONENT) {
    const key = `COMPONENT_${name.toUpperCase()}`;
    // One of ours that COMPONENTS lists gets a generated one, or comes later; any other name without one is a mistake.
    if (component.SECRET === undefined && !(COMPONENTS.includes(name) && name in COMPONENT_LABELS))
      problem(`${key}_SECRET`, `expected a secret, without which nobody can connect (or ${key}_SECRET_FILE)`);
  }
}

function onlySomeCanShare({ COMPONENT }: CoreSettings, problem: Problem): void {
  for (const [name, component] of COMPONENT) {
    if (component.CONFLICT !== 'share' || !UNSHARED.has(name)) continue;
    problem(
      `COMPONENT_${name.toUpperCase()}_CONFLICT`,
      'expected refuse or replace: two instances of this component do not share their state',
    );
  }
}

function grantsThatThereAre({ COMPONENT }: CoreSettings, problem: Problem): void {
  for (const [name, component] of COMPONENT) {
    const grants = component.GRANTS === undefined ? null : parseGrants(component.GRANTS);
    if (typeof grants === 'string') problem(`COMPONENT_${name.toUpperCase()}_GRANTS`, grants);
  }
}

/** Everything an operator can set on the core. Names: `docs/settings.md` is generated from here. */
export const coreSettings = defineSettings(
  entries,
  keyHasCertificate,
  oneOwnerOfEachDomain,
  aSecretForEachComponent,
  onlySomeCanShare,
  grantsThatThereAre,
);
