import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  copyFileSync,
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

/** A server by somebody else that keeps, or exports and imports, accounts in the portable format (XEP-0227). */
export interface PortableServer {
  readonly c2sPort: number;
  /** Stops it; resolves with the file that describes its accounts. */
  exported(): Promise<string>;
  stop(): Promise<void>;
}

export interface PortableServerOptions {
  /** Accounts to make, with their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** A portable document to begin with, of the one user named. */
  readonly document?: { readonly path: string; readonly user: string };
}

/** Prosody on its own XEP-0227 store: a file for each user; undefined where it is not installed. */
export async function startPortableProsody(
  options: PortableServerOptions,
): Promise<PortableServer | undefined> {
  const program = findProgram('prosody');
  const control = findProgram('prosodyctl');
  if (program === undefined || control === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'prosody-0227-'));
  const c2sPort = await freePort();
  const config = join(folder, 'prosody.cfg.lua');
  mkdirSync(join(folder, 'data'));
  mkdirSync(join(folder, 'certs'));
  writeFileSync(
    config,
    `run_as_root = true
data_path = "${join(folder, 'data')}"
pidfile = "${join(folder, 'pid')}"
certificates = "${join(folder, 'certs')}"
storage = "xep0227"
log = { info = "*console" }
modules_enabled = { "saslauth"; "roster"; "disco"; "vcard"; }
modules_disabled = { "s2s"; "offline"; "posix"; "admin_socket"; "admin_shell"; "tls"; }
interfaces = { "127.0.0.1" }
c2s_ports = { ${c2sPort} }
c2s_direct_tls_ports = {}
legacy_ssl_ports = {}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
VirtualHost "localhost"
`,
  );
  const fileOf = (user: string): string => join(folder, 'data', `${user}@localhost.xml`);
  for (const [user, password] of Object.entries(options.users ?? {})) {
    await finished(spawn(control, ['--root', '--config', config, 'register', user, 'localhost', password]));
  }
  if (options.document !== undefined) copyFileSync(options.document.path, fileOf(options.document.user));
  const child = spawn(program, ['-F', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = async (): Promise<void> => {
    await ended(child);
  };
  await listening(child, c2sPort);
  return {
    c2sPort,
    async exported() {
      await stop();
      const index = join(folder, 'index.xml');
      const includes = Object.keys(options.users ?? {}).map((user) => fileOf(user));
      if (includes.length !== 1) throw new Error('one user is expected');
      copyFileSync(includes[0] ?? '', index);
      return index;
    },
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** ejabberd, which exports by `export_piefxis` and imports by `import_piefxis`; undefined where it is not installed. */
export async function startPortableEjabberd(
  options: PortableServerOptions,
): Promise<PortableServer | undefined> {
  const erlang = findProgram('erl');
  const libraries = erlangLibrariesWith('ejabberd-');
  if (erlang === undefined || libraries === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ejabberd-0227-'));
  const c2sPort = await freePort();
  const [spool, target] = [join(folder, 'spool'), join(folder, 'exported')];
  mkdirSync(spool);
  mkdirSync(target);
  writeFileSync(
    join(folder, 'ejabberd.yml'),
    `loglevel: info
hosts: [localhost]
auth_method: internal
auth_password_format: scram
s2s_access: none
listen:
  - {port: ${c2sPort}, ip: "127.0.0.1", module: ejabberd_c2s, access: all}
modules:
  mod_disco: {}
  mod_roster: {}
  mod_vcard: {search: false}
  mod_offline: {}
`,
  );
  const steps = [
    'application:ensure_all_started(ejabberd)',
    ...Object.entries(options.users ?? {}).map(
      ([user, password]) =>
        `ok = ejabberd_auth:try_register(<<"${user}">>, <<"localhost">>, <<"${password}">>)`,
    ),
    ...(options.document === undefined
      ? []
      : [`ok = ejabberd_piefxis:import_file(<<"${options.document.path}">>)`]),
    'io:put_chars("PREPARED\\n")',
    // A line on standard input asks for the export.
    'io:get_line("")',
    `ok = ejabberd_piefxis:export_server(<<"${target}">>)`,
    'init:stop()',
  ];
  const child = spawn(erlang, ['-mnesia', 'dir', `"${spool}"`, '-noshell', '-eval', `${steps.join(', ')}.`], {
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
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  await printed(child, 'PREPARED');
  await listening(child, c2sPort);
  return {
    c2sPort,
    async exported() {
      child.stdin?.write('export\n');
      await finished(child);
      const index = readdirSync(target).find((name) => !/localhost/.test(name));
      if (index === undefined) throw new Error(`nothing was exported: ${readdirSync(target).join(' ')}`);
      return join(target, index);
    },
    async stop() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function erlangLibrariesWith(prefix: string): string | undefined {
  for (const architecture of readdirSync('/usr/lib')) {
    const folder = join('/usr/lib', architecture);
    if (architecture.includes('-linux-') && readdirSync(folder).some((name) => name.startsWith(prefix)))
      return folder;
  }
  return undefined;
}

function findProgram(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    try {
      accessSync(path, constants.X_OK);
      return path;
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

/** Waits for the end of a program; rejects where it fails. */
function finished(child: ChildProcess): Promise<void> {
  let output = '';
  child.stdout?.on('data', (data) => {
    output += data;
  });
  child.stderr?.on('data', (data) => {
    output += data;
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new Error(`${child.spawnfile} ended with ${code}:\n${output}`));
    });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const force = setTimeout(() => child.kill('SIGKILL'), 5_000);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(force);
}

function printed(child: ChildProcess, text: string): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${text} was not printed:\n${output}`)), 40_000);
    const settle = (then: () => void): void => {
      clearTimeout(timer);
      then();
    };
    const take = (data: Buffer): void => {
      output += data;
      if (output.includes(text)) settle(resolve);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('exit', () => settle(() => reject(new Error(`it ended:\n${output}`))));
  });
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  const end = performance.now() + 30_000;
  while (performance.now() < end && child.exitCode === null) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', () => resolve(false));
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${child.spawnfile} does not listen`);
}
