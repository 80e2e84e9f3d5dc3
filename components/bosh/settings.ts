import {
  boolean,
  byteSize,
  choice,
  componentSettings,
  custom,
  defineSettings,
  domain,
  integer,
  keyHasCertificate,
  list,
  network,
  path,
  port,
  seconds,
  setting,
  sharedSettings,
} from '../../shared/settings/settings.js';
import { defaultLimits } from './session/limits.js';
import { parseRoute, parseUpstreamAddress } from './upstreams/proxy/target.js';

const upstream = custom('core, xmpp://HOST, xmpp://HOST:PORT, xmpps://HOST:PORT or xmpp://*', (text) => {
  if (text === 'core') return 'core' as const;
  return parseUpstreamAddress(text);
});

const origin = custom('* or a web origin such as https://chat.example.com', (text) => {
  if (text === '*') return text;
  return /^https?:\/\/[^\s/@?#,]+$/i.test(text) ? text.toLowerCase() : undefined;
});

const route = custom('HOST:PORT', (text) => (parseRoute(text) === undefined ? undefined : text));

const publicUrl = custom('a URL such as https://chat.example.com', (text) =>
  /^https?:\/\/[^\s/@?#]+(?:\/[^\s?#]*)?$/i.test(text) ? text.replace(/\/+$/, '') : undefined,
);

const instance = custom('up to 16 letters and digits', (text) =>
  /^[A-Za-z0-9]{1,16}$/.test(text) ? text : undefined,
);

/** Settings of the bosh process. */
export const settings = defineSettings(
  {
    ...sharedSettings,
    ...componentSettings,
    BOSH_DOMAIN: setting(domain, {
      description: 'Domain of this component.',
      default: (read) => `bosh.${(read('XMPP_DOMAINS') ?? 'localhost').split(',')[0]?.trim() || 'localhost'}`,
      defaultText: '`bosh.` + the first of `XMPP_DOMAINS`',
    }),
    BOSH_SECRET: setting(
      custom('the secret shared with the server', (text) => text || undefined).optional(),
      {
        description:
          "Secret of this component's handshake with the core. Not needed with another `BOSH_UPSTREAM`.",
        secret: true,
      },
    ),
    BOSH_PORT: setting(port, { description: 'HTTP port of BOSH, WebSocket and the page.', default: 5280 }),
    BOSH_TLS_PORT: setting(port, {
      description: 'HTTPS port of the same, with the certificates of `TLS_CERT` or `TLS_CERTS_DIR`.',
      default: (read) => ((read('TLS_CERT') ?? read('TLS_CERTS_DIR')) ? '5281' : '0'),
      defaultText: '5281 with `TLS_CERT` or `TLS_CERTS_DIR`, else off',
    }),
    BOSH_UPSTREAM: setting(upstream, {
      description:
        'Where sessions lead: `core` (by the client link), or the client port of any XMPP server; without a port by SRV, ' +
        'with `*` to the domain that the client asks for.',
      default: 'core',
    }),
    BOSH_UPSTREAM_TLS: setting(choice('verify', 'encrypt', 'none'), {
      description:
        'TLS to another XMPP server: with a certificate for the domain, with any certificate, or none (same machine).',
      default: 'verify',
    }),
    BOSH_UPSTREAM_CA: setting(path.optional(), {
      reads: 'certificates',
      description: "Certificates (PEM) that may have signed the XMPP server's, instead of the system's.",
    }),
    BOSH_DOMAINS: setting(list(domain), {
      description: 'Domains that clients may ask for through another XMPP server; empty: whatever it serves.',
      default: '',
    }),
    BOSH_ROUTES: setting(list(route), {
      description: 'Servers (`HOST:PORT`) that a client may name in `route`; empty: `route` is ignored.',
      default: '',
    }),
    BOSH_ALLOW_PLAIN: setting(boolean, {
      description:
        'Let another XMPP server offer PLAIN to clients that came without TLS (for the core: `CLIENT_LINK_ALLOW_PLAIN`).',
      default: false,
    }),
    BOSH_CORS_ORIGINS: setting(list(origin), {
      description: 'Web origins whose pages may use BOSH and WebSocket, beside our own; `*` is all.',
      default: '',
    }),
    BOSH_TRUSTED_PROXIES: setting(list(network), {
      description: 'Reverse proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.',
      default: '127.0.0.1,::1',
    }),
    BOSH_PUBLIC_URL: setting(publicUrl.optional(), {
      description: 'How clients reach this service: told in host-meta (XEP-0156) and to clients without TLS.',
    }),
    BOSH_REQUIRE_TLS: setting(boolean, {
      description: 'Send clients that come without TLS to `BOSH_PUBLIC_URL`.',
      default: false,
    }),
    BOSH_PAGE: setting(boolean, { description: 'Serve the page with the chat at `/`.', default: true }),
    BOSH_COMPRESSION: setting(boolean, {
      description: 'Compress responses (gzip) for clients that accept it.',
      default: true,
    }),
    BOSH_INSTANCE: setting(instance.optional(), {
      description:
        'Name of this instance, put before each session id, where several stand behind a balancer.',
    }),
    BOSH_WAIT: setting(seconds(1, 3600), {
      description: 'Longest time a request is held open.',
      default: defaultLimits.wait,
    }),
    BOSH_HOLD: setting(integer(1, 16), {
      description:
        'Most requests held open for one session. More than 1 takes clients of which each can have more connections than that.',
      default: defaultLimits.hold,
    }),
    BOSH_INACTIVITY: setting(seconds(1, 3600), {
      description: 'A BOSH session ends when this long no request has been open.',
      default: defaultLimits.inactivity,
    }),
    BOSH_POLLING: setting(seconds(0, 60), {
      description: 'Shortest interval at which a client may ask without having anything to say.',
      default: defaultLimits.polling,
    }),
    BOSH_MAXPAUSE: setting(seconds(0, 86_400), {
      description: 'Longest pause a client may ask for; 0: none.',
      default: defaultLimits.maxpause,
    }),
    BOSH_PING: setting(seconds(1, 3600), {
      description: 'Interval of the pings that ask whether a WebSocket client is still there.',
      default: 30,
    }),
    BOSH_STANZA_BYTES: setting(byteSize(10_000), {
      description: 'The largest stanza that is taken from a client.',
      default: '256K',
    }),
    BOSH_BODY_BYTES: setting(byteSize(10_000), {
      description: 'The largest request body that is taken from a client, decompressed.',
      default: '512K',
    }),
    BOSH_MAX_SESSIONS: setting(integer(1), {
      description: 'Most sessions at one time, BOSH and WebSocket together.',
      default: defaultLimits.sessions,
    }),
    BOSH_MAX_CONNECTIONS: setting(integer(10), {
      description:
        'Most HTTP connections of one listener at one time; keep it below the limit of open files.',
      default: 15_000,
    }),
    BOSH_MAX_SESSIONS_PER_ADDRESS: setting(integer(1), {
      description: 'Most sessions of one client address.',
      default: defaultLimits.sessionsPerAddress,
    }),
  },
  keyHasCertificate,
  (values, problem) => {
    if (values.BOSH_UPSTREAM === 'core' && values.BOSH_SECRET === undefined) {
      problem(
        'BOSH_SECRET',
        'expected the secret shared with the core, but it is not set (nor is BOSH_SECRET_FILE)',
      );
    }
    if (values.BOSH_REQUIRE_TLS && !values.BOSH_PUBLIC_URL?.startsWith('https:')) {
      problem('BOSH_PUBLIC_URL', 'expected an https: URL, since BOSH_REQUIRE_TLS is on');
    }
    if (
      values.BOSH_UPSTREAM !== 'core' &&
      values.BOSH_UPSTREAM.host === '*' &&
      values.BOSH_DOMAINS.length === 0
    ) {
      problem(
        'BOSH_DOMAINS',
        'expected at least one domain, since BOSH_UPSTREAM follows what clients ask for',
      );
    }
  },
);
