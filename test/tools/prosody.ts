import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificate, writePair } from './certificates.js';

/** Debian's Prosody with a configuration and data of its own, for interoperability tests. */
export interface Prosody {
  readonly domain: string;
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly httpPort: number;
  /** Its certificate, to be trusted as a root. */
  readonly caPath: string;
  readonly folder: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ProsodyOptions {
  /** Default: `localhost`. */
  readonly domain?: string;
  /** Accounts, with their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** External components (XEP-0114), with their secrets. */
  readonly components?: Readonly<Record<string, string>>;
  /** Internal rooms at this domain. */
  readonly muc?: string;
  readonly modules?: readonly string[];
  /** Lines for the global section, after ours. */
  readonly global?: string;
  /** Lines for the end of the host's section, in Prosody's own language. */
  readonly host?: string;
}

/** The program, or undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  for (const folder of ['/usr/bin', '/usr/sbin', '/usr/local/bin']) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // the next folder
    }
  }
  return undefined;
}

/** A port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts Prosody; undefined where it is not installed. Rejects, with its log, where it does not come up in 20 s. */
export async function startProsody(options: ProsodyOptions = {}): Promise<Prosody | undefined> {
  const program = findProgram('prosody');
  if (program === undefined) return undefined;
  const domain = options.domain ?? 'localhost';
  const folder = mkdtempSync(join(tmpdir(), 'prosody-'));
  const [c2sPort, componentPort, httpPort] = [await freePort(), await freePort(), await freePort()];
  const pair = writePair(join(folder, 'server'), testCertificate([domain]));
  const accounts = join(folder, 'data', encodeHost(domain), 'accounts');
  mkdirSync(accounts, { recursive: true });
  for (const [user, password] of Object.entries(options.users ?? {})) {
    writeFileSync(join(accounts, `${user}.dat`), `return { ["password"] = "${password}" };\n`);
  }
  const quoted = (names: readonly string[]) => names.map((name) => `"${name}";`).join(' ');
  const components = Object.entries(options.components ?? {}).map(
    ([name, secret]) => `Component "${name}"\n  component_secret = "${secret}"\n`,
  );
  const modules = [
    'saslauth',
    'tls',
    'roster',
    'disco',
    'ping',
    'offline',
    'smacks',
    ...(options.modules ?? []),
  ];
  writeFileSync(
    join(folder, 'prosody.cfg.lua'),
    `run_as_root = true
data_path = "${join(folder, 'data')}"
pidfile = "${join(folder, 'pid')}"
log = { info = "*console" }
modules_enabled = { ${quoted(modules)} }
modules_disabled = { "s2s"; "posix"; "admin_socket"; "admin_shell" }
interfaces = { "127.0.0.1" }
c2s_ports = { ${c2sPort} }
c2s_direct_tls_ports = {}
component_ports = { ${componentPort} }
http_ports = { ${httpPort} }
https_ports = {}
c2s_require_encryption = true
authentication = "internal_plain"
limits = {}
ssl = { certificate = "${pair.cert}"; key = "${pair.key}" }
${options.global ?? ''}
VirtualHost "${domain}"
${options.host ?? ''}
${options.muc === undefined ? '' : `Component "${options.muc}" "muc"\n`}${components.join('')}`,
  );
  const child = spawn(program, ['-F', '--config', join(folder, 'prosody.cfg.lua')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stdout.on('data', (chunk) => {
    log += chunk;
  });
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const stop = async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  if (!(await listens(c2sPort, child))) {
    await stop();
    throw new Error(`Prosody did not start:\n${log}`);
  }
  return { domain, c2sPort, componentPort, httpPort, caPath: pair.cert, folder, pid: child.pid ?? 0, stop };
}

function encodeHost(host: string): string {
  return host.replace(/[^A-Za-z0-9]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

async function listens(port: number, child: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline && child.exitCode === null) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
    child.once('exit', () => {
      clearTimeout(force);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
