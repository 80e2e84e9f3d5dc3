import {
  boolean,
  choice,
  custom,
  integer,
  list,
  network,
  path,
  port,
  seconds,
} from '../../shared/settings/kinds.js';
import { setting } from '../../shared/settings/setting.js';

/** As XEP-0198 §3 has it: a name or an address, in brackets one of IPv6, and a port where it is not the usual one. */
const location = custom('`host:port`', (value) =>
  /^(?:\[[\da-f:.]+\]|[^\s:/@[\]]+)(?::\d{1,5})?$/i.test(value) ? value : undefined,
);

/** The doors for clients: ports, authentication, accounts, sessions. */
export const clientSettings = {
  C2S_PORT: setting(port, { description: 'Port for clients (STARTTLS).', default: 5222 }),
  C2S_TLS_PORT: setting(port, {
    description: 'Port for clients with TLS from the first byte (XEP-0368).',
    default: 5223,
  }),
  C2S_PROXIES: setting(list(network), {
    description:
      'Addresses and networks of proxies (HAProxy, nginx) whose connections to the client ports begin with a PROXY protocol header (1 or 2), which says the client’s address.',
    default: '',
  }),
  BANNED_ADDRESSES: setting(list(network), {
    description:
      'Addresses and networks of clients that are not talked with, also through BOSH and WebSocket. Reloaded; who is connected then is disconnected.',
    default: '',
  }),
  LIMIT_EXEMPT_ADDRESSES: setting(list(network), {
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
    reads: 'certificates',
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
      'Offer the channel binding tls-unique on TLS 1.2 (RFC 5929): what a client that knows no other takes for granted (RFC 5802 §6.1). On TLS 1.3 it is not offered, but taken from a client that knows no other.',
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
      'Offer PLAIN and XEP-0078 to clients of a client link (BOSH, WebSocket), although the component then sees the password pass.',
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
  RESUMPTION_LOCATION: setting(location.optional(), {
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
};
