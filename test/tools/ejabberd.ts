import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCertificate } from './certificates.js';
import { findProgram, freePort } from './prosody.js';

/** Debian's ejabberd with the domain `localhost`, in-band registration, and BOSH at `/http-bind`. */
export interface Ejabberd {
  readonly c2sPort: number;
  readonly httpPort: number;
  /** Its certificate, to be trusted as a root. */
  readonly caPath: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts it; undefined where it is not installed. Rejects, with its output, where it does not come up in 30 s. */
export async function startEjabberd(): Promise<Ejabberd | undefined> {
  const erlang = findProgram('erl');
  const libraries = librariesWith('ejabberd-');
  if (erlang === undefined || libraries === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ejabberd-'));
  const [c2sPort, httpPort] = [await freePort(), await freePort()];
  const spool = join(folder, 'spool');
  mkdirSync(spool);
  const pair = testCertificate(['localhost']);
  const caPath = join(folder, 'localhost.crt');
  const certificate = join(folder, 'both.pem');
  writeFileSync(caPath, pair.certificate);
  writeFileSync(certificate, `${pair.certificate}\n${pair.key}`, { mode: 0o600 });
  writeFileSync(
    join(folder, 'ejabberd.yml'),
    `loglevel: warning
hosts: [localhost]
auth_method: internal
auth_password_format: scram
registration_timeout: infinity
s2s_access: none
certfiles: ["${certificate}"]
listen:
  - {port: ${c2sPort}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, max_stanza_size: 1048576, access: all}
  - port: ${httpPort}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /http-bind: mod_bosh
modules:
  mod_bosh: {max_inactivity: 300}
  mod_disco: {}
  mod_roster: {}
  mod_ping: {}
  mod_offline: {}
  mod_register: {ip_access: all, password_strength: 0}
`,
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
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const stop = async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline && child.exitCode === null) {
    if ((await listens(c2sPort)) && (await listens(httpPort))) {
      return { c2sPort, httpPort, caPath, pid: child.pid ?? 0, stop };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error(`ejabberd did not start:\n${output}`);
}

/** Debian keeps ejabberd's code in /usr/lib/<architecture>/. */
function librariesWith(prefix: string): string | undefined {
  for (const architecture of readdirSync('/usr/lib')) {
    const folder = join('/usr/lib', architecture);
    if (!architecture.includes('-linux-')) continue;
    if (readdirSync(folder).some((name) => name.startsWith(prefix))) return folder;
  }
  return undefined;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
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
