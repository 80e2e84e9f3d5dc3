import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificatePair } from '../../../shared/tls/make-certificate.js';
import type { DnsServer } from '../dns-server.js';
import { S2S_TEST_PORT } from '../federation.js';
import { startEjabberd } from './ejabberd.js';
import { startProsody } from './prosody.js';
import type { ForeignServer } from './server.js';

export interface ForeignPeerOptions {
  readonly domain: string;
  /** A loopback address of its own. */
  readonly address: string;
  readonly dns: DnsServer;
  readonly pair: CertificatePair;
  /** PEM of the trust anchors for other servers. */
  readonly ca: string;
  /** Accounts; everybody's password is `secret`. */
  readonly users: readonly string[];
  /** Demands a valid certificate of others. */
  readonly strict?: boolean;
  /** Prosody: XEP-0288. */
  readonly bidi?: boolean;
}

const C2S_PORT = S2S_TEST_PORT + 1;
/** Prosody and our core take TLS from the first byte here. */
export const DIRECT_TLS_TEST_PORT = S2S_TEST_PORT + 2;

/** Debian's Prosody, federating; undefined where it is not installed. */
export async function startProsodyPeer(options: ForeignPeerOptions): Promise<ForeignServer | undefined> {
  const files = trustedFiles(options);
  const server = await startProsody({
    ...common(options),
    plain: true,
    log: 'debug',
    ca: files.ca,
    morePorts: [S2S_TEST_PORT],
    modules: ['s2s', 'dialback', 's2s_auth_certs', ...(options.bidi === true ? ['s2s_bidi'] : [])],
    disabled: ['http', 'bosh', 'websocket'],
    global: `local_interfaces = { "${options.address}" }
s2s_ports = { ${S2S_TEST_PORT} }
s2s_direct_tls_ports = { ${DIRECT_TLS_TEST_PORT} }
s2s_require_encryption = true
s2s_secure_auth = ${options.strict === true}
unbound = { resolvconf = false; hoststxt = false; forward = { "${options.dns.host}@${options.dns.port}" }; options = { ["do-not-query-localhost:"] = "no" } }
`,
  });
  return server && withFiles(server, files.folder);
}

/** Debian's ejabberd, federating; undefined where it is not installed. */
export async function startEjabberdPeer(options: ForeignPeerOptions): Promise<ForeignServer | undefined> {
  const files = trustedFiles(options);
  const { dns } = options;
  const resolver = join(files.folder, 'inetrc');
  writeFileSync(
    resolver,
    `{hosts_file, ""}.\n{resolv_conf, ""}.\n{lookup, [dns]}.\n{nameserver, {${dns.host.replaceAll('.', ',')}}, ${dns.port}}.\n`,
  );
  const server = await startEjabberd({
    ...common(options),
    morePorts: [S2S_TEST_PORT],
    emulator: ['-kernel', 'inetrc', `"${resolver}"`],
    top: `loglevel: debug
s2s_access: all
ca_file: "${files.ca}"
s2s_cafile: "${files.ca}"
s2s_use_starttls: required
s2s_timeout: 20
outgoing_s2s_ipv4_address: "${options.address}"
`,
    listen: `  - {port: ${S2S_TEST_PORT}, ip: "${options.address}", module: ejabberd_s2s_in, max_stanza_size: 1048576}\n`,
    modules: options.strict === true ? '' : '  mod_s2s_dialback: {}\n',
  });
  return server && withFiles(server, files.folder);
}

function common({ domain, address, pair, users }: ForeignPeerOptions) {
  const accounts = Object.fromEntries(users.map((user) => [user, 'secret']));
  return { domain, address, pair, c2sPort: C2S_PORT, users: accounts };
}

function trustedFiles({ ca }: ForeignPeerOptions): { folder: string; ca: string } {
  const folder = mkdtempSync(join(tmpdir(), 'peer-'));
  const path = join(folder, 'ca.pem');
  writeFileSync(path, ca);
  return { folder, ca: path };
}

/** The server, whose end is the end of these files too. */
function withFiles(server: ForeignServer, folder: string): ForeignServer {
  const stop = server.stop.bind(server);
  return Object.assign(server, {
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}
