import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a component under test is to be there, at the domain `localhost`. */
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

/** Somebody else's server, with a configuration, data and ports of its own. */
export interface ForeignServer {
  readonly name: string;
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts Debian's Prosody with its community modules; undefined where they are not installed. */
export async function startForeignProsody(
  component: ForeignComponent,
  users: Readonly<Record<string, string>>,
): Promise<ForeignServer | undefined> {
  const program = findProgram('prosody');
  const modules = '/usr/lib/prosody/modules';
  if (program === undefined || !existsSync(join(modules, 'mod_delegation'))) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'prosody-'));
  const [c2sPort, componentPort] = [await freePort(), await freePort()];
  const accounts = join(folder, 'data', 'localhost', 'accounts');
  mkdirSync(accounts, { recursive: true });
  for (const [user, password] of Object.entries(users)) {
    writeFileSync(join(accounts, `${user}.dat`), `return { ["password"] = "${password}" };\n`);
  }
  const table = (names: readonly string[]): string => `{ ${names.map((name) => `"${name}";`).join(' ')} }`;
  const acting = ['delegation', ...(component.privileged ? ['privilege'] : [])];
  const delegations = component.delegations
    .map((ns) => `["${ns}"] = { jid = "${component.domain}" };`)
    .join(' ');
  const iqs = Object.entries(component.iqs ?? {})
    .map(([ns, type]) => `["${ns}"] = "${type}";`)
    .join(' ');
  const privileges = component.privileged
    ? `privileged_entities = { ["${component.domain}"] = { roster = "both"; message = "outgoing"; presence = "roster"; iq = { ${iqs} } } }\n`
    : '';
  const config = join(folder, 'prosody.cfg.lua');
  writeFileSync(
    config,
    `run_as_root = true
data_path = "${join(folder, 'data')}"
pidfile = "${join(folder, 'pid')}"
plugin_paths = { "${modules}" }
log = { info = "*console" }
modules_enabled = ${table(['saslauth', 'roster', 'disco', 'ping', 'pep'].filter((name) => !component.replaces?.includes(name)))}
modules_disabled = ${table(['s2s', 'posix', 'admin_socket', 'admin_shell', 'offline', 'tls', ...(component.replaces ?? [])])}
interfaces = { "127.0.0.1" }
c2s_ports = { ${c2sPort} }
c2s_direct_tls_ports = {}
legacy_ssl_ports = {}
component_ports = { ${componentPort} }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
VirtualHost "localhost"
  modules_enabled = ${table(acting)}
  delegations = { ${delegations} }
  ${privileges}
${prosodyHost(component, table(acting))}`,
  );
  const child = spawn(program, ['-F', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  return running('prosody', child, folder, c2sPort, component.builtIn ? c2sPort : componentPort);
}

function prosodyHost(component: ForeignComponent, modules: string): string {
  if (component.builtIn) return `Component "${component.domain}" "muc"\n  modules_enabled = {}\n`;
  return `Component "${component.domain}"
  component_secret = "${component.secret}"
  modules_enabled = ${modules}
`;
}

/** Starts Debian's ejabberd, without a node name and so without epmd; undefined where it is not installed. */
export async function startForeignEjabberd(component: ForeignComponent): Promise<ForeignServer | undefined> {
  const erlang = findProgram('erl');
  const libraries = erlangLibrariesWith('ejabberd-');
  if (erlang === undefined || libraries === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ejabberd-'));
  const [c2sPort, componentPort] = [await freePort(), await freePort()];
  const spool = join(folder, 'spool');
  mkdirSync(spool);
  const privilege = component.privileged
    ? `  mod_privilege:
    roster: {both: component}
    message: {outgoing: component}
    presence: {managed_entity: component, roster: component}
`
    : '';
  const delegation =
    component.delegations.length === 0
      ? ''
      : `  mod_delegation:
    namespaces:
${component.delegations.map((namespace) => `      "${namespace}": {access: component}\n`).join('')}`;
  writeFileSync(
    join(folder, 'ejabberd.yml'),
    `loglevel: info
hosts: [localhost]
${component.builtIn ? 'auth_method: anonymous\nanonymous_protocol: login_anon\nallow_multiple_connections: true' : 'auth_method: internal'}
registration_timeout: infinity
s2s_access: none
listen:
  - {port: ${c2sPort}, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 1048576, access: all}
  - port: ${componentPort}
    ip: "127.0.0.1"
    module: ejabberd_service
    access: all
    hosts:
      ${component.builtIn ? 'nobody.localhost' : component.domain}: {password: "${component.secret}"}
acl:
  component: {server: ${component.domain}}
access_rules:
  component: {allow: component}
modules:
  mod_disco: {}
  mod_roster: {}
  mod_ping: {}
  mod_register: {ip_access: all, password_strength: 0}
${privilege}${delegation}${component.builtIn ? `  mod_muc: {host: ${component.domain}, max_users: 5000, max_user_conferences: 1000, default_room_options: {max_users: 5000}}\n` : ''}`,
  );
  const child = spawn(erlang, ['-mnesia', 'dir', `"${spool}"`, '-s', 'ejabberd', '-noinput'], {
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
  });
  return running('ejabberd', child, folder, c2sPort, componentPort);
}

/** Debian keeps ejabberd's code in /usr/lib/<architecture>/. */
function erlangLibrariesWith(prefix: string): string | undefined {
  for (const architecture of readdirSync('/usr/lib')) {
    const folder = join('/usr/lib', architecture);
    if (!architecture.includes('-linux-')) continue;
    if (readdirSync(folder).some((name) => name.startsWith(prefix))) return folder;
  }
  return undefined;
}

function findProgram(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function running(
  name: string,
  child: ChildProcess,
  folder: string,
  c2sPort: number,
  componentPort: number,
): Promise<ForeignServer> {
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
      child.kill('SIGTERM');
      await gone;
      clearTimeout(force);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const end = performance.now() + 30_000;
  while (performance.now() < end && child.exitCode === null) {
    if ((await accepts(c2sPort)) && (await accepts(componentPort)))
      return { name, c2sPort, componentPort, pid: child.pid ?? 0, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error(`${name} did not start:\n${output}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
