import { account, byteSize, integer, list, seconds } from '../../shared/settings/kinds.js';
import { setting } from '../../shared/settings/setting.js';

/** What anybody may cost: sizes, numbers, rates and times, of clients, servers and components. */
export const limitSettings = {
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
};
