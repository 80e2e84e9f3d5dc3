import { type Ejabberd, startEjabberd } from './ejabberd.js';
import { luaList, type Prosody, startProsody } from './prosody.js';

/** What a component under test is to be on somebody else's server, whose domain is `localhost`. */
export interface ForeignComponent {
  readonly domain: string;
  readonly secret: string;
  /** Namespaces delegated to it (XEP-0355). */
  readonly delegations: readonly string[];
  /** Whether it gets roster, message and presence privileges (XEP-0356). */
  readonly privileged?: boolean;
  /** IQs that it may send as accounts, where the server has that permission (Prosody): namespace → get, set or both. */
  readonly iqs?: Readonly<Record<string, string>>;
  /** Modules of the server that would do its work. */
  readonly replaces?: readonly string[];
  /** The server's own MUC serves the domain, and there is no component (on ejabberd everybody is let in): for comparisons. */
  readonly builtIn?: boolean;
}

type Users = Readonly<Record<string, string>>;

/** Starts Debian's Prosody with its community modules; undefined where they are not installed. */
export function startProsodyWith(component: ForeignComponent, users: Users): Promise<Prosody | undefined> {
  const acting = ['delegation', ...(component.privileged ? ['privilege'] : [])];
  const delegations = component.delegations
    .map((namespace) => `["${namespace}"] = { jid = "${component.domain}" };`)
    .join(' ');
  const iqs = Object.entries(component.iqs ?? {})
    .map(([namespace, type]) => `["${namespace}"] = "${type}";`)
    .join(' ');
  const privileges = `privileged_entities = { ["${component.domain}"] = { roster = "both"; message = "outgoing"; presence = "roster"; iq = { ${iqs} } } }`;
  const external = `  component_secret = "${component.secret}"\n  modules_enabled = ${luaList(acting)}\n`;
  return startProsody({
    needs: 'mod_delegation',
    users,
    plain: true,
    modules: component.replaces?.includes('pep') ? [] : ['pep'],
    ...(component.replaces === undefined ? {} : { disabled: component.replaces }),
    host: `  modules_enabled = ${luaList(acting)}\n  delegations = { ${delegations} }\n  ${component.privileged ? privileges : ''}`,
    more: component.builtIn
      ? `Component "${component.domain}" "muc"\n  modules_enabled = {}\n`
      : `Component "${component.domain}"\n${external}`,
  });
}

/** Starts Debian's ejabberd; undefined where it is not installed. */
export function startEjabberdWith(
  component: ForeignComponent,
  users: Users = {},
): Promise<Ejabberd | undefined> {
  const { domain, secret, delegations, privileged, builtIn } = component;
  const privilege = `  mod_privilege:
    roster: {both: component}
    message: {outgoing: component}
    presence: {managed_entity: component, roster: component}
`;
  const delegation = `  mod_delegation:
    namespaces:
${delegations.map((namespace) => `      "${namespace}": {access: component}\n`).join('')}`;
  const rooms = `  mod_muc: {host: ${domain}, max_users: 5000, max_user_conferences: 1000, default_room_options: {max_users: 5000}}\n`;
  return startEjabberd({
    users,
    components: builtIn ? {} : { [domain]: secret },
    top: `acl:
  component: {server: ${domain}}
access_rules:
  component: {allow: component}
${builtIn ? 'auth_method: anonymous\nanonymous_protocol: login_anon\nallow_multiple_connections: true\n' : ''}`,
    modules: `${privileged ? privilege : ''}${delegations.length > 0 ? delegation : ''}${builtIn ? rooms : ''}`,
  });
}
