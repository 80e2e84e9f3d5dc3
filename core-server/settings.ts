import { isIP } from 'node:net';
import {
  boolean,
  byteSize,
  choice,
  custom,
  domain,
  host,
  integer,
  list,
  path,
  port,
  seconds,
  text,
} from '../shared/settings/kinds.js';
import { defineSettings, type Loaded, setting, settingFamily } from '../shared/settings/setting.js';
import { domains, keyHasCertificate, sharedSettings } from '../shared/settings/shared.js';
import { parseJid } from '../shared/xmpp/jid.js';
import { parseGrants } from './component-link/grants.js';
import { CONTACT_KINDS } from './disco/contact-kinds.js';
import { parseException } from './s2s/policy.js';
import { parseRoute } from './s2s/targets.js';
import { AddressList } from './streams/address-list.js';

const exception = custom('`domain=strict|dialback|refuse`', (value) =>
  parseException(value) === null ? undefined : value,
);
const route = custom('`domain=host:port`', (value) => (parseRoute(value) === null ? undefined : value));

const address = custom('an address or a network (`192.0.2.0/24`)', (value) => {
  try {
    new AddressList([value]);
    return value;
  } catch {
    return undefined;
  }
});

const account = custom('the bare JID of an account', (value) => {
  const jid = parseJid(value);
  return jid?.isBare && jid.local !== '' ? jid.bare : undefined;
});

const contact = custom('`kind=URI`, as `abuse=mailto:abuse@example.org`', (value) => {
  const [kind = '', uri = ''] = value.split(/=(.*)/s);
  return CONTACT_KINDS.includes(kind) && /^[a-z][a-z0-9+.-]*:./i.test(uri) ? value : undefined;
});

const dnsServer = custom('an address, with an optional port', (value) => {
  const host = /^\[(.+)\](?::\d{1,5})?$/.exec(value)?.[1] ?? /^([^:]+):\d{1,5}$/.exec(value)?.[1] ?? value;
  return isIP(host) === 0 ? undefined : value;
});

/** The five components that come with Entourage, with their default domains' first labels. */
export const STANDARD_COMPONENTS: Readonly<Record<string, string>> = {
  muc: 'conference',
  pep: 'pep',
  vcard: 'vcard',
  privacy: 'privacy',
  bosh: 'bosh',
};

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

  // ---- doors for clients ----
  C2S_PORT: setting(port, { description: 'Port for clients (STARTTLS).', default: 5222 }),
  C2S_TLS_PORT: setting(port, {
    description: 'Port for clients with TLS from the first byte (XEP-0368).',
    default: 5223,
  }),
  C2S_PROXIES: setting(list(address), {
    description:
      'Addresses and networks of proxies (HAProxy, nginx) whose connections to the client ports begin with a PROXY protocol header (1 or 2), which says the client’s address.',
    default: '',
  }),
  BANNED_ADDRESSES: setting(list(address), {
    description:
      'Addresses and networks of clients that are not talked with, also through BOSH and WebSocket. Reloaded; who is connected then is disconnected.',
    default: '',
  }),
  LIMIT_EXEMPT_ADDRESSES: setting(list(address), {
    description: 'Addresses and networks that no limit per address concerns, as that of an office. Reloaded.',
    default: '',
  }),
  LOGIN_FAILURES_PER_ADDRESS: setting(integer(0), {
    description:
      'Failed log-ins from one address (loopback excepted) in ten minutes; beyond them it may not try. 0 = no limit.',
    default: 100,
  }),
  LOGIN_FAILURES_PER_ACCOUNT: setting(integer(0), {
    description:
      'Failed log-ins at one account in ten minutes; beyond them only addresses from which it has logged in before get in. 0 = no limit.',
    default: 100,
  }),
  C2S_REQUIRE_TLS: setting(boolean, {
    description: 'Refuse to authenticate clients without TLS.',
    default: true,
  }),
  C2S_CLIENT_CERTIFICATES: setting(boolean, {
    description: 'Ask clients for a certificate, for SASL EXTERNAL (XEP-0178).',
    default: false,
  }),
  C2S_CLIENT_CA: setting(path.optional(), {
    reads: 'file',
    description: 'Certificates (PEM file) that may have signed client certificates.',
  }),
  REGISTRATION: setting(choice('closed', 'open'), {
    description: 'Whether strangers may make accounts in-band (XEP-0077).',
    default: 'closed',
  }),
  REGISTRATIONS_PER_ADDRESS: setting(integer(0), {
    description: 'Accounts that one address (loopback excepted) may register in an hour; 0 = no limit.',
    default: 10,
  }),
  PASSWORD_STORAGE: setting(choice('scram', 'plain'), {
    description: 'How passwords are kept: SCRAM verifiers, or as plain text (XEP-0078 digest needs it).',
    default: 'scram',
  }),
  SASL_DIGEST_MD5: setting(boolean, {
    description:
      'Keep what DIGEST-MD5 (RFC 2831, historic) needs and offer it. Weak: only for clients of that era.',
    default: false,
  }),
  SASL_TLS_UNIQUE: setting(boolean, {
    description:
      'Offer the channel binding tls-unique on TLS 1.2 (RFC 5929): what a client that knows no other takes for granted (RFC 5802 §6.1).',
    default: true,
  }),
  SASL_TRIES: setting(integer(1, 20), {
    description: 'Failed authentication attempts per stream before it is closed.',
    default: 5,
  }),
  SASL_ITERATIONS: setting(integer(4096, 1_000_000), {
    description: 'PBKDF2 iterations of newly stored SCRAM verifiers.',
    default: 10_000,
  }),
  LEGACY_AUTH: setting(boolean, {
    description: 'Offer XEP-0078 non-SASL authentication.',
    default: true,
  }),
  CLIENT_LINK_ALLOW_PLAIN: setting(boolean, {
    description:
      'Offer PLAIN to clients of a client link (BOSH, WebSocket), although the component then sees the password pass.',
    default: false,
  }),
  COMPRESSION: setting(choice('off', 'plain', 'on'), {
    description:
      'Stream compression (XEP-0138): never, only where no TLS is in use, or always. Compressing secrets inside TLS leaks their length.',
    default: 'plain',
  }),
  RESUMPTION_SECONDS: setting(seconds(0, 86_400), {
    description:
      'How long a session waits for its client after a broken connection (XEP-0198); 0 = no resumption.',
    default: 300,
  }),
  RESUMPTION_LOCATION: setting(text.optional(), {
    description: 'Where clients should reconnect to resume (XEP-0198 `location`), as `host:port`.',
  }),
  RESOURCE_CONFLICT: setting(choice('replace', 'override', 'refuse'), {
    description: 'What happens when a client asks for a resource that is in use (RFC 6120 §7.7.2.2).',
    default: 'replace',
  }),
  IQ_TO_STRANGERS: setting(choice('refuse', 'deliver'), {
    description:
      'Whether an IQ request reaches the full JID of somebody who does not share presence with its sender (RFC 6121 §8.5.3.1).',
    default: 'refuse',
  }),

  // ---- limits ----
  LIMIT_STANZA_BYTES: setting(byteSize(10_000), {
    description: 'Largest stanza of an authenticated client.',
    default: '512K',
  }),
  LIMIT_STANZA_BYTES_UNAUTHENTICATED: setting(byteSize(10_000), {
    description: 'Largest element before authentication.',
    default: '64K',
  }),
  LIMIT_STANZA_BYTES_SERVER: setting(byteSize(10_000), {
    description: 'Largest stanza of another server.',
    default: '512K',
  }),
  LIMIT_STANZA_BYTES_COMPONENT: setting(byteSize(10_000), {
    description: 'Largest stanza of a component (a client link adds its own wrapping).',
    default: '1M',
  }),
  LIMIT_XML_DEPTH: setting(integer(8, 1000), {
    description: 'Deepest nesting of elements in a stanza.',
    default: 64,
  }),
  LIMIT_XML_ATTRIBUTES: setting(integer(8, 1000), {
    description: 'Most attributes of one element.',
    default: 64,
  }),
  LIMIT_XML_ELEMENTS: setting(integer(100), {
    description: 'Most elements in a stanza of a client or another server.',
    default: 20_000,
  }),
  LIMIT_CONNECTIONS_PER_ADDRESS: setting(integer(1), {
    description:
      'Client connections from one address (of IPv6, from one /64); and, by themselves, those of other servers.',
    default: 20_000,
  }),
  LIMIT_UNAUTHENTICATED_PER_ADDRESS: setting(integer(1), {
    description: 'Of those, connections that have not authenticated yet; by themselves, those of components.',
    default: 2000,
  }),
  LIMIT_UNAUTHENTICATED: setting(integer(1), {
    description:
      'Connections that have not authenticated yet, of clients in all; by themselves, those of other servers, and those of components.',
    default: 5000,
  }),
  LIMIT_ATTEMPTS_PER_MINUTE: setting(integer(0), {
    description:
      'Attempts to connect from one address to the client ports; by themselves, those to the ports for other servers. 0 = no limit.',
    default: 0,
  }),
  LIMIT_UNAUTHENTICATED_SECONDS: setting(seconds(1), {
    description:
      'Time for a client to authenticate and bind, TLS included, and for another server to prove a domain.',
    default: 60,
  }),
  LIMIT_IDLE_SECONDS: setting(seconds(0), {
    description:
      'Silence after which a client is pinged; without an answer it is given up after twice as long. 0 = never.',
    default: 300,
  }),
  LIMIT_BYTES_PER_SECOND: setting(byteSize(0), {
    description: 'Input of one client stream, sustained; above it reading pauses. 0 = no limit.',
    default: 0,
  }),
  LIMIT_BYTES_PER_SECOND_SERVER: setting(byteSize(0), {
    description: 'Input of one stream of another server, sustained; above it reading pauses. 0 = no limit.',
    default: 0,
  }),
  LIMIT_ACCOUNT_STANZAS_PER_SECOND: setting(integer(0), {
    description:
      'Stanzas of one account from all its clients, sustained (five times that at once); above it reading pauses. 0 = no limit.',
    default: 0,
  }),
  LIMIT_ACCOUNT_BYTES_PER_SECOND: setting(byteSize(0), {
    description:
      'Stanzas of one account from all its clients, in bytes, sustained (five times that at once); above it reading pauses. 0 = no limit.',
    default: 0,
  }),
  LIMIT_RECIPIENTS_PER_MINUTE: setting(integer(0), {
    description:
      'Addresses (bare JIDs, rooms among them) to which all clients of one account may write in a minute; to more of them a stanza is refused. 0 = no limit.',
    default: 0,
  }),
  LIMIT_EXEMPT_ACCOUNTS: setting(list(account), {
    description: 'Bare JIDs of accounts that no rate per account concerns, as bots.',
    default: (read) => read('ADMINS') ?? '',
    defaultText: '`ADMINS`',
  }),
  LIMIT_SESSIONS_PER_ACCOUNT: setting(integer(1), {
    description: 'Connected resources of one account.',
    default: 50,
  }),
  LIMIT_ROSTER_ITEMS: setting(integer(1), { description: 'Contacts in one roster.', default: 2000 }),
  LIMIT_ROSTER_BYTES: setting(byteSize(65_536), {
    description: 'Names, groups and addresses in one roster, together.',
    default: '1M',
  }),
  LIMIT_PRIVATE_BYTES: setting(byteSize(1024), {
    description: 'Bytes of private XML (XEP-0049) of one account.',
    default: '256K',
  }),
  LIMIT_OFFLINE_MESSAGES: setting(integer(0), {
    description: 'Messages stored for one account while it is offline; 0 = none are stored.',
    default: 1000,
  }),
  LIMIT_OFFLINE_BYTES: setting(byteSize(65_536), {
    description: 'What the messages stored for one account may take together.',
    default: '32M',
  }),
  LIMIT_OUTBOUND_BYTES: setting(byteSize(65_536), {
    description:
      'What may wait for a client that does not read; then its stream is closed and the rest is stored.',
    default: '4M',
  }),
  LIMIT_OUTBOUND_BYTES_SERVER: setting(byteSize(65_536), {
    description: 'What may wait in one stream for another server that does not read; then the stream is cut.',
    default: '8M',
  }),
  LIMIT_OUTBOUND_BYTES_COMPONENT: setting(byteSize(1_048_576), {
    description: 'What may wait in one stream for a component that does not read; then the stream is cut.',
    default: '16M',
  }),
  LIMIT_STANZA_SECONDS: setting(seconds(5), {
    description: 'Time for one stanza to come in whole; a stream that takes longer over one is ended.',
    default: 300,
  }),
  LIMIT_IDLE_ACCOUNTS: setting(integer(100), {
    description: 'Accounts without sessions that are kept in memory.',
    default: 20_000,
  }),

  // ---- components ----
  COMPONENT_PORT: setting(port, { description: 'Port for components (XEP-0114), plain.', default: 5347 }),
  COMPONENT_PLAIN_HOST: setting(host, {
    description: 'Address of the plain component port.',
    default: '127.0.0.1',
  }),
  COMPONENT_TLS_PORT: setting(port, { description: 'Port for components with TLS.', default: 5348 }),
  COMPONENT_CA: setting(text.optional(), {
    reads: 'file',
    description:
      'When set, components on the TLS port must show a certificate signed by one of these (PEM file).',
  }),
  COMPONENT_KEEPALIVE_SECONDS: setting(seconds(1, 3600), {
    description: 'How often a component is asked whether it is still there (it has 5 s to answer).',
    default: 60,
  }),
  COMPONENT_GRACE_SECONDS: setting(seconds(0, 600), {
    description: 'How long stanzas wait for a component that restarts.',
    default: 5,
  }),
  COMPONENTS: setting(list(text, 'a name'), {
    description: 'Components that may connect (and that `entourage start` runs, where they are ours).',
    default: 'muc,pep,vcard,privacy,bosh',
  }),
  COMPONENT: settingFamily({
    description: 'One component that may connect.',
    names: (read) =>
      (read('COMPONENTS') ?? Object.keys(STANDARD_COMPONENTS).join(','))
        .split(',')
        .map((name) => name.trim().toLowerCase())
        .filter((name) => name !== '' && name !== 'none'),
    members: {
      DOMAIN: setting(domain, {
        description: 'Its domain.',
        default: (read, member) => {
          const own = read(`${member.toUpperCase()}_DOMAIN`);
          if (own !== undefined) return own;
          const first = (read('XMPP_DOMAINS') ?? 'localhost').split(',')[0]?.trim() || 'localhost';
          return `${STANDARD_COMPONENTS[member.toLowerCase()] ?? member.toLowerCase()}.${first}`;
        },
        defaultText: '`<name>.` + the first of `XMPP_DOMAINS`',
      }),
      SECRET: setting(text.optional(), {
        description: 'Its secret; a component without one cannot connect.',
        default: (read, member) => read(`${member.toUpperCase()}_SECRET`),
        defaultText: '`<NAME>_SECRET`',
        secret: true,
      }),
      GRANTS: setting(text.optional(), {
        description:
          'What it may do for the server; absent: what our component of that name needs. See `docs/operating.md`.',
      }),
      CONFLICT: setting(choice('refuse', 'replace', 'share'), {
        description:
          'A second connection for its domain: refused, replaces a dead first one, or shares the load.',
        default: 'replace',
      }),
      NAMESPACE_VERSION: setting(choice('1', '2'), {
        description: 'Generation of the delegation and privilege namespaces it speaks.',
        default: '2',
      }),
    },
  }),

  PRIVACY_SYNC_TIMEOUT: setting(seconds(0), {
    description: 'How long log-ins wait for a configured privacy component while this core knows no rules.',
    default: 30,
  }),
  PRIVACY_FAIL: setting(choice('open', 'closed'), {
    description: 'What happens after `PRIVACY_SYNC_TIMEOUT`: log-ins without rules, or none.',
    default: 'open',
  }),

  // ---- federation ----
  S2S_PORT: setting(port, { description: 'Port for other servers (STARTTLS).', default: 5269 }),
  S2S_TLS_PORT: setting(port, {
    description: 'Port for other servers with TLS from the first byte (XEP-0368).',
    default: 5270,
  }),
  S2S_POLICY: setting(choice('strict', 'dialback'), {
    description: 'Other servers need a valid certificate, or may prove themselves by dialback inside TLS.',
    default: 'dialback',
  }),
  S2S_POLICY_EXCEPTIONS: setting(list(exception), {
    description: 'Exceptions from `S2S_POLICY` by domain.',
    default: '',
  }),
  S2S_REQUIRE_TLS: setting(boolean, { description: 'No federation without TLS.', default: true }),
  S2S_CA: setting(text.optional(), {
    reads: 'file',
    description:
      'Trust anchors (PEM file) for other servers; `only:FILE` replaces the system’s instead of adding.',
  }),
  S2S_DNS_SERVERS: setting(list(dnsServer), {
    description: 'DNS servers for looking up other servers; empty: the system’s.',
    default: '',
  }),
  S2S_ROUTES: setting(list(route), {
    description:
      'Servers that are not looked up in DNS, each `domain=host:port` (`domain=tls://host:port` for TLS from the first byte); the domain `*` is all others.',
    default: '',
  }),
  S2S_CONNECT_SECONDS: setting(seconds(1, 300), {
    description: 'Longest time to open a stream to another server, all its hosts together.',
    default: 30,
  }),
  S2S_QUEUE_STANZAS: setting(integer(1), {
    description: 'Stanzas that may wait for another server, for each pair of domains.',
    default: 1000,
  }),
  S2S_QUEUE_BYTES: setting(byteSize(65_536), {
    description: 'What may wait for another server, for each pair of domains.',
    default: '4M',
  }),
  S2S_QUEUE_SECONDS: setting(seconds(1, 3600), {
    description: 'How long a stanza waits for another server before it is returned.',
    default: 60,
  }),
  S2S_DIALBACK_SECRET: setting(text.optional(), {
    description:
      'Secret of the dialback keys (XEP-0185), where several processes answer for one domain; absent: random.',
    secret: true,
  }),
  S2S_IDLE_SECONDS: setting(seconds(1), {
    description: 'An unused stream to another server is closed after this time.',
    default: 600,
  }),
};

/** Components of ours that keep state which two instances would not share. */
const UNSHARED: ReadonlySet<string> = new Set(['muc', 'privacy']);

/** A domain is the core's own, or one component's: else stanzas for it would go to whichever came first. */
function oneOwnerOfEachDomain(
  { COMPONENT, COMPONENTS, XMPP_DOMAINS }: Loaded<typeof entries>,
  problem: (name: string, expected: string) => void,
): void {
  const owners = new Map(XMPP_DOMAINS.map((domain) => [domain, 'XMPP_DOMAINS']));
  for (const [name, component] of COMPONENT) {
    const key = `COMPONENT_${name.toUpperCase()}`;
    const owner = owners.get(component.DOMAIN);
    if (owner !== undefined)
      problem(`${key}_DOMAIN`, `expected a domain of its own, but ${component.DOMAIN} is in ${owner}`);
    owners.set(component.DOMAIN, `${key}_DOMAIN`);
    // One of ours that COMPONENTS lists gets a generated one, or comes later; any other name without one is a mistake.
    if (component.SECRET === undefined && !(COMPONENTS.includes(name) && name in STANDARD_COMPONENTS))
      problem(`${key}_SECRET`, `expected a secret, without which nobody can connect (or ${key}_SECRET_FILE)`);
  }
}

/** Everything an operator can set on the core. Names: `docs/settings.md` is generated from here. */
export const coreSettings = defineSettings(
  entries,
  keyHasCertificate,
  oneOwnerOfEachDomain,
  (settings, problem) => {
    for (const [name, component] of settings.COMPONENT) {
      const key = `COMPONENT_${name.toUpperCase()}`;
      if (component.CONFLICT === 'share' && UNSHARED.has(name)) {
        problem(
          `${key}_CONFLICT`,
          'expected refuse or replace: two instances of this component do not share their state',
        );
      }
      const grants = component.GRANTS === undefined ? null : parseGrants(component.GRANTS);
      if (typeof grants === 'string') problem(`${key}_GRANTS`, grants);
    }
  },
);

export type CoreSettings = Loaded<typeof entries>;
export type ComponentSettings = CoreSettings['COMPONENT'] extends ReadonlyMap<string, infer V> ? V : never;
