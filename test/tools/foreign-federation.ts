import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificatePair } from '../../shared/tls/make-certificate.js';
import { writePair } from './certificates.js';
import type { DnsServer } from './dns-server.js';
import { S2S_TEST_PORT } from './federation.js';
import { RawClient } from './raw-client.js';

/** Somebody else's server with one domain at a loopback address of its own, for federation. */
export interface ForeignPeer {
  readonly name: 'prosody' | 'ejabberd';
  readonly domain: string;
  readonly address: string;
  /** A client logged in as one of its users. */
  login(user: string, resource: string): Promise<RawClient>;
  /** Stops and starts it again, on the same data. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

export interface ForeignPeerOptions {
  readonly domain: string;
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
const READY_MILLISECONDS = 30_000;

/** Debian's Prosody; undefined where it is not installed. */
export async function startProsodyPeer(options: ForeignPeerOptions): Promise<ForeignPeer | undefined> {
  const program = findProgram('prosody');
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'prosody-peer-'));
  const files = writePair(join(folder, 'server'), options.pair);
  writeFileSync(join(folder, 'ca.pem'), options.ca);
  const accounts = join(
    folder,
    'data',
    encodeURIComponent(options.domain).replaceAll('.', '%2e'),
    'accounts',
  );
  mkdirSync(accounts, { recursive: true });
  for (const user of options.users)
    writeFileSync(join(accounts, `${user}.dat`), 'return { ["password"] = "secret" };\n');
  const config = join(folder, 'prosody.cfg.lua');
  writeFileSync(
    config,
    `run_as_root = true
data_path = "${join(folder, 'data')}"
pidfile = "${join(folder, 'pid')}"
log = { debug = "*console" }
modules_enabled = { "saslauth"; "tls"; "roster"; "disco"; "ping"; "dialback"; "s2s"; "s2s_auth_certs"; ${options.bidi === true ? '"s2s_bidi"; ' : ''}}
modules_disabled = { "posix"; "admin_socket"; "admin_shell"; "offline"; "http"; "bosh"; "websocket" }
interfaces = { "${options.address}" }
local_interfaces = { "${options.address}" }
c2s_ports = { ${C2S_PORT} }
s2s_ports = { ${S2S_TEST_PORT} }
c2s_direct_tls_ports = {}
s2s_direct_tls_ports = { ${DIRECT_TLS_TEST_PORT} }
legacy_ssl_ports = {}
component_ports = {}
c2s_require_encryption = false
s2s_require_encryption = true
s2s_secure_auth = ${options.strict === true}
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
unbound = { resolvconf = false; hoststxt = false; forward = { "${options.dns.host}@${options.dns.port}" }; options = { ["do-not-query-localhost:"] = "no" } }
ssl = { certificate = "${files.cert}"; key = "${files.key}"; cafile = "${join(folder, 'ca.pem')}"; capath = "${folder}/none" }
VirtualHost "${options.domain}"
`,
  );
  return startPeer('prosody', options, folder, () =>
    spawn(program, ['-F', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

/** Debian's ejabberd, without a node name and so without epmd; undefined where it is not installed. */
export async function startEjabberdPeer(options: ForeignPeerOptions): Promise<ForeignPeer | undefined> {
  const program = findProgram('erl');
  const libraries = erlangLibraries();
  if (program === undefined || libraries === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ejabberd-peer-'));
  const spool = join(folder, 'spool');
  mkdirSync(spool);
  const { certificate, key } = options.pair;
  const both = join(folder, 'server.pem');
  writeFileSync(both, `${certificate}\n${key}`, { mode: 0o600 });
  writeFileSync(join(folder, 'ca.pem'), options.ca);
  writeFileSync(
    join(folder, 'inetrc'),
    `{hosts_file, ""}.\n{resolv_conf, ""}.\n{lookup, [dns]}.\n{nameserver, {${options.dns.host.replaceAll('.', ',')}}, ${options.dns.port}}.\n`,
  );
  writeFileSync(
    join(folder, 'ejabberd.yml'),
    `loglevel: debug
hosts: ["${options.domain}"]
auth_method: internal
certfiles: ["${both}"]
ca_file: "${join(folder, 'ca.pem')}"
s2s_cafile: "${join(folder, 'ca.pem')}"
s2s_use_starttls: required
registration_timeout: infinity
s2s_timeout: 20
listen:
  - {port: ${C2S_PORT}, ip: "${options.address}", module: ejabberd_c2s, max_stanza_size: 1048576, access: all}
  - {port: ${S2S_TEST_PORT}, ip: "${options.address}", module: ejabberd_s2s_in, max_stanza_size: 1048576}
outgoing_s2s_ipv4_address: "${options.address}"
modules:
  mod_disco: {}
  mod_roster: {}
  mod_ping: {}
${options.strict === true ? '' : '  mod_s2s_dialback: {}\n'}  mod_register: {ip_access: all, password_strength: 0}
`,
  );
  const peer = await startPeer('ejabberd', options, folder, () =>
    spawn(
      program,
      [
        '-kernel',
        'inetrc',
        `"${join(folder, 'inetrc')}"`,
        '-mnesia',
        'dir',
        `"${spool}"`,
        '-s',
        'ejabberd',
        '-noinput',
      ],
      {
        cwd: spool,
        env: {
          PATH: process.env['PATH'],
          HOME: folder,
          ERL_LIBS: libraries,
          ERL_CRASH_DUMP_BYTES: '0',
          EJABBERD_CONFIG_PATH: join(folder, 'ejabberd.yml'),
          EJABBERD_LOG_PATH: join(folder, 'ejabberd.log'),
          EJABBERD_PID_PATH: join(folder, 'beam.pid'),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    ),
  );
  for (const user of options.users) {
    const client = await RawClient.connect(options.address, C2S_PORT);
    await client.open(options.domain);
    const answer = await client.iq(
      'set',
      `<query xmlns='jabber:iq:register'><username>${user}</username><password>secret</password></query>`,
      options.domain,
    );
    if (answer.type !== 'result') throw new Error(`ejabberd did not register ${user}: ${answer.source}`);
    client.cut();
  }
  return peer;
}

async function startPeer(
  name: 'prosody' | 'ejabberd',
  options: ForeignPeerOptions,
  folder: string,
  run: () => ChildProcess,
): Promise<ForeignPeer> {
  let output = '';
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = run();
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-200_000);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const end = performance.now() + READY_MILLISECONDS;
    while (performance.now() < end && child.exitCode === null) {
      if ((await accepts(options.address, C2S_PORT)) && (await accepts(options.address, S2S_TEST_PORT)))
        return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await kill('SIGKILL');
    throw new Error(`${name} did not start:\n${output}`);
  };
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    const force = setTimeout(() => child.kill('SIGKILL'), 5000);
    child.kill(signal);
    await gone;
    clearTimeout(force);
  };
  await start();
  return {
    name,
    domain: options.domain,
    address: options.address,
    async login(user, resource) {
      const client = await RawClient.connect(options.address, C2S_PORT);
      await client.login(user, 'secret', options.domain, resource);
      return client;
    },
    async restart(signal = 'SIGTERM') {
      await kill(signal);
      await start();
    },
    kill,
    start,
    output: () => output,
    async stop() {
      await kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Debian keeps ejabberd's code in /usr/lib/<architecture>/. */
function erlangLibraries(): string | undefined {
  for (const architecture of readdirSync('/usr/lib')) {
    if (!architecture.includes('-linux-')) continue;
    const folder = join('/usr/lib', architecture);
    if (readdirSync(folder).some((name) => name.startsWith('ejabberd-'))) return folder;
  }
  return undefined;
}

function findProgram(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // not in this one
    }
  }
  return undefined;
}
