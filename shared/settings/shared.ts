import {
  boolean,
  choice,
  custom,
  domain,
  host,
  list,
  path,
  port,
  remotePort,
  seconds,
  storageUrl,
} from './kinds.js';
import { type ReadText, type Setting, setting } from './setting.js';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** The data folder: where the embedded store, generated secrets and run files are. */
function dataFolderOf(storageUrlText: string | undefined): string {
  return storageUrlText?.startsWith('lmdb:') ? storageUrlText.slice('lmdb:'.length) : './data';
}

/** A connection string as it may be shown: who may read settings need not learn the database's password. */
function withoutPassword(url: string): string {
  return url
    .replace(/^(mongodb(?:\+srv)?:\/\/)[^/]*@/, '$1(hidden)@')
    .replace(/([?&](?:authMechanismProperties|tlsCertificateKeyFilePassword)=)[^&]*/gi, '$1(hidden)');
}

const v8Options = custom('options of V8, each beginning with --', (value) => {
  const words = value.split(/\s+/).filter((word) => word !== '');
  return words.every((word) => /^--[a-z0-9][a-z0-9-]*(=[\w.]+)?$/.test(word)) ? words : undefined;
});

/** The first of `XMPP_DOMAINS`. */
export const firstDomain = (read: ReadText): string =>
  (read('XMPP_DOMAINS') ?? 'localhost').split(',')[0]?.trim() || 'localhost';

/** Settings of every process. */
export const sharedSettings = {
  STORAGE_URL: setting(storageUrl, {
    description: 'Where data is kept: `lmdb:FOLDER` (embedded) or a MongoDB connection string.',
    default: 'lmdb:./data',
    secret: true,
    shown: withoutPassword,
    shared: true,
  }),
  DATA_DIR: setting(path, {
    description: 'Folder of generated secrets, generated certificates, run files and the control socket.',
    default: (read) => dataFolderOf(read('STORAGE_URL')),
    defaultText: 'the folder of `STORAGE_URL` (lmdb), else `./data`',
    shared: true,
  }),
  LOG_LEVEL: setting(choice(...LOG_LEVELS), {
    description: 'The least important log lines that are written.',
    default: 'info',
    shared: true,
  }),
  METRICS_PORT: setting(port, {
    description:
      'HTTP port of `/metrics` (Prometheus), `/healthz`, `/readyz` and the page `/status`. Each process on a host needs its own: `CORE_METRICS_PORT`, `MUC_METRICS_PORT`, …, or `auto`.',
    default: 0,
    shared: true,
  }),
  METRICS_HOST: setting(host, {
    description: 'Address on which `METRICS_PORT` listens.',
    default: '127.0.0.1',
    shared: true,
  }),
  V8_OPTIONS: setting(v8Options, {
    description:
      'Options of V8 that `entourage start` gives its processes, separated by spaces, as `--max-old-space-size=512` (of one process: `PEP_V8_OPTIONS`). Elsewhere: `NODE_OPTIONS`, see `docs/operating.md`.',
    default: '',
    defaultText: 'none: a small young generation for each process',
    shared: true,
  }),
  LISTEN_HOST: setting(host, {
    description: 'Address on which public ports listen; `*` is every address, IPv6 and IPv4.',
    default: '*',
    shared: true,
  }),
  TLS_CERT: setting(path.optional(), {
    reads: 'file',
    description:
      'Certificate chain (PEM). With none configured, a self-signed one is made under the data folder.',
    shared: true,
  }),
  TLS_KEY: setting(path.optional(), {
    reads: 'file',
    description: 'Private key (PEM) of `TLS_CERT`; absent: it is in the same file.',
    shared: true,
  }),
  TLS_CERTS_DIR: setting(path.optional(), {
    reads: 'folder',
    description: 'Folder with `<domain>.crt` and `<domain>.key` for each domain, chosen by SNI.',
    shared: true,
  }),
};

/** A key alone would silently mean the self-signed certificate. */
export function keyHasCertificate(
  settings: { readonly TLS_CERT?: string | undefined; readonly TLS_KEY?: string | undefined },
  problem: (name: string, expected: string) => void,
): void {
  if (settings.TLS_KEY !== undefined && settings.TLS_CERT === undefined)
    problem('TLS_CERT', 'expected the certificate of TLS_KEY, but it is not set');
}

export const domains = custom('a comma-separated list of domains, at least one', (value) => {
  const parsed = list(domain).safeParse(value);
  return parsed.success && parsed.data.length > 0 ? parsed.data : undefined;
});

/** Settings of every component: how it reaches the server that it serves. */
export const componentSettings = {
  CORE_HOST: setting(host, {
    description: 'Host of the XMPP server to which components connect.',
    default: '127.0.0.1',
    shared: true,
  }),
  CORE_PORT: setting(remotePort, {
    description:
      "Component port (XEP-0114) of the server: the core's `COMPONENT_PORT` or `COMPONENT_TLS_PORT`.",
    default: (read) => (/^(true|yes|on|1)$/i.test(read('CORE_TLS') ?? '') ? '5348' : '5347'),
    defaultText: '5347, or 5348 with `CORE_TLS`',
    shared: true,
  }),
  CORE_DOMAIN: setting(domains, {
    description:
      'Domains of the XMPP server that the component serves, the main one first; only they may delegate to it.',
    default: (read) => read('XMPP_DOMAINS') ?? 'localhost',
    defaultText: '`XMPP_DOMAINS`, else `localhost`',
    shared: true,
  }),
  CORE_TLS: setting(boolean, {
    description: 'Connect to the server with TLS.',
    default: false,
    shared: true,
  }),
  CORE_CA: setting(path.optional(), {
    reads: 'certificates',
    description: "Certificates (PEM) that may have signed the server's certificate, instead of the system's.",
    shared: true,
  }),
  CORE_CLIENT_CERT: setting(path.optional(), {
    reads: 'certificates',
    description:
      "This component's own certificate (PEM, with its chain), where the server asks for one (`COMPONENT_CA`).",
    shared: true,
  }),
  CORE_CLIENT_KEY: setting(path.optional(), {
    reads: 'file',
    description: 'Private key (PEM) of `CORE_CLIENT_CERT`; absent: it is in the same file.',
    shared: true,
  }),
  CORE_TLS_NAME: setting(host.optional(), {
    description: "Name expected in the server's certificate, where it is not the first of `CORE_DOMAIN`.",
    shared: true,
  }),
  CORE_KEEPALIVE_SECONDS: setting(seconds(1, 3600), {
    description:
      'After this time without a byte from the server it is asked whether it is still there; it has half as long to answer.',
    default: 60,
    shared: true,
  }),
};

/** A component's own two: `<NAME>_DOMAIN` and `<NAME>_SECRET`. `label` is the default domain's first label. */
export function componentIdentity<N extends string>(name: N, label: string) {
  const entries = {
    [`${name}_DOMAIN`]: setting(domain, {
      description: 'Domain of this component.',
      default: (read: ReadText) => read(`COMPONENT_${name}_DOMAIN`) ?? `${label}.${firstDomain(read)}`,
      defaultText: `\`${label}.\` + the first of \`XMPP_DOMAINS\``,
    }),
    [`${name}_SECRET`]: setting(
      custom('the secret shared with the server', (value) => value || undefined),
      { description: "Secret of this component's handshake with the server.", secret: true },
    ),
  };
  return entries as Readonly<Record<`${N}_DOMAIN` | `${N}_SECRET`, Setting<string>>>;
}

const componentName = custom('a component name (letters, digits, -)', (value) =>
  /^[a-z0-9]+(-[a-z0-9]+)*$/.test(value) ? value : undefined,
);

/** First label of each of our components' default domains. */
export const COMPONENT_LABELS: Readonly<Record<string, string>> = {
  muc: 'conference',
  pep: 'pep',
  vcard: 'vcard',
  privacy: 'privacy',
  bosh: 'bosh',
};

/** Settings of the core that the launcher reads too. */
export const systemSettings = {
  XMPP_DOMAINS: setting(domains, {
    description:
      'The domains whose accounts this system keeps; the first names the default component domains.',
    default: 'localhost',
  }),
  COMPONENTS: setting(list(componentName), {
    description: 'The components that `entourage start` runs and the core expects.',
    default: Object.keys(COMPONENT_LABELS),
  }),
};
