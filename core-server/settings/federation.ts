import { isIP } from 'node:net';
import {
  boolean,
  byteSize,
  choice,
  custom,
  integer,
  list,
  port,
  seconds,
  text,
} from '../../shared/settings/kinds.js';
import { setting } from '../../shared/settings/setting.js';
import { parseException } from '../s2s/policy.js';
import { parseRoute } from '../s2s/routes.js';

const exception = custom('`domain=strict|dialback|refuse`', (value) =>
  parseException(value) === null ? undefined : value,
);
const route = custom('`domain=host:port` or `domain=tls://host:port`', (value) =>
  parseRoute(value) === null ? undefined : value,
);

const dnsServer = custom('an address, with an optional port', (value) => {
  const host = /^\[(.+)\](?::\d{1,5})?$/.exec(value)?.[1] ?? /^([^:]+):\d{1,5}$/.exec(value)?.[1] ?? value;
  return isIP(host) === 0 ? undefined : value;
});

/** The doors for other servers, and the way to them. */
export const federationSettings = {
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
    reads: 'certificates',
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
