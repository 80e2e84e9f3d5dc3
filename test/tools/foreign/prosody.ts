import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LuaTable, luaText, writeLua } from '../../../shared/portable/lua.js';
import type { CertificatePair } from '../../../shared/tls/make-certificate.js';
import { testCertificate, writePair } from '../certificates.js';
import { ForeignProcess, findProgram, freePort, runToEnd } from './programs.js';
import { type ForeignServer, type ForeignServerOptions, handleOf, type Listeners } from './server.js';

/** Where Debian keeps the community's modules (package `prosody-modules`). */
const COMMUNITY_MODULES = '/usr/lib/prosody/modules';

interface ProsodyOptions extends ForeignServerOptions {
  /** Besides those that every test needs. */
  readonly modules?: readonly string[];
  readonly disabled?: readonly string[];
  /** Only where this community module is installed. */
  readonly needs?: string;
  /** Default: a certificate of its own for its domain. */
  readonly pair?: CertificatePair;
  /** PEM file of the only authorities that it trusts. */
  readonly ca?: string;
  /** Clients may do without TLS. */
  readonly plain?: boolean;
  /** Other ports that it must listen on before it counts as started. */
  readonly morePorts?: readonly number[];
  readonly log?: 'info' | 'debug';
  /** Lines for the global section, after ours. */
  readonly global?: string;
  /** Lines for the host's section. */
  readonly host?: string;
  /** Lines after that: further hosts and components. */
  readonly more?: string;
}

export interface Prosody extends ForeignServer {
  readonly dataFolder: string;
  /** Writes its configuration anew, for the next start. */
  configure(changes: Partial<ProsodyOptions>): void;
  /** Runs `prosodyctl` on it. */
  control(...args: readonly string[]): Promise<string>;
}

/** Prepares Debian's Prosody without starting it; undefined where it is not installed. */
export async function prepareProsody(options: ProsodyOptions = {}): Promise<Prosody | undefined> {
  const program = findProgram('prosody');
  const control = findProgram('prosodyctl');
  if (program === undefined || control === undefined) return undefined;
  if (options.needs !== undefined && !existsSync(join(COMMUNITY_MODULES, options.needs))) return undefined;
  const { domain = 'localhost', address = '127.0.0.1', users = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'prosody-'));
  const c2sPort = options.c2sPort ?? (await freePort());
  const [componentPort, httpPort] = [await freePort(), await freePort()];
  const pair = writePair(join(folder, 'server'), options.pair ?? testCertificate([domain]));
  const dataFolder = join(folder, 'data');
  const accounts = join(dataFolder, storeName(domain), 'accounts');
  mkdirSync(Object.keys(users).length > 0 ? accounts : dataFolder, { recursive: true });
  mkdirSync(join(folder, 'none'));
  for (const [user, password] of Object.entries(users))
    writeFileSync(
      join(accounts, `${storeName(user)}.dat`),
      `return ${writeLua(LuaTable.of({ password: luaText(password) }))};\n`,
    );
  const configPath = join(folder, 'prosody.cfg.lua');
  const configure = (changes: Partial<ProsodyOptions>): void =>
    writeFileSync(
      configPath,
      configurationOf(
        { ...options, ...changes },
        { folder, dataFolder, domain, address, c2sPort, componentPort, httpPort, pair },
      ),
    );
  configure({});
  const hasComponents =
    options.components !== undefined || options.more?.includes('component_secret') === true;
  const ports = [c2sPort, ...(hasComponents ? [componentPort] : []), ...(options.morePorts ?? [])];
  const process = new ForeignProcess('Prosody', address, ports, () =>
    spawn(program, ['-F', '--config', configPath], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const listeners = { domain, address, c2sPort, componentPort, httpPort };
  return Object.assign(handleOf('prosody', listeners, folder, pair.cert, process, users), {
    dataFolder,
    configure,
    control: (...args: readonly string[]) => runToEnd(control, ['--root', '--config', configPath, ...args]),
  });
}

interface Place extends Listeners {
  readonly folder: string;
  readonly dataFolder: string;
  readonly pair: { readonly cert: string; readonly key: string };
}

function configurationOf(options: ProsodyOptions, place: Place): string {
  const { folder, dataFolder, domain, address, c2sPort, componentPort, httpPort, pair } = place;
  const modules = ['saslauth', 'tls', 'roster', 'disco', 'ping', ...(options.modules ?? [])];
  const disabled = ['s2s', 'posix', 'admin_socket', 'admin_shell', 'offline', ...(options.disabled ?? [])];
  const components = Object.entries(options.components ?? {}).map(
    ([name, secret]) => `Component "${name}"\n  component_secret = "${secret}"\n`,
  );
  const trust =
    options.ca === undefined ? '' : ` cafile = "${options.ca}"; capath = "${join(folder, 'none')}";`;
  return `run_as_root = true
data_path = "${dataFolder}"
pidfile = "${join(folder, 'pid')}"
plugin_paths = { "${COMMUNITY_MODULES}" }
certificates = "${join(folder, 'none')}"
log = { ${options.log ?? 'info'} = "*console" }
modules_enabled = ${luaList(modules)}
modules_disabled = ${luaList(disabled.filter((name) => !options.modules?.includes(name)))}
interfaces = { "${address}" }
c2s_ports = { ${c2sPort} }
c2s_direct_tls_ports = {}
legacy_ssl_ports = {}
component_ports = { ${componentPort} }
http_ports = { ${httpPort} }
https_ports = {}
c2s_require_encryption = ${options.plain !== true}
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
limits = {}
ssl = { certificate = "${pair.cert}"; key = "${pair.key}";${trust} }
${options.global ?? ''}
VirtualHost "${domain}"
${options.host ?? ''}
${components.join('')}${options.more ?? ''}`;
}

/** Starts it; undefined where it is not installed. Rejects, with its log, where it does not come up. */
export async function startProsody(options: ProsodyOptions = {}): Promise<Prosody | undefined> {
  const prosody = await prepareProsody(options);
  try {
    await prosody?.start();
    return prosody;
  } catch (error) {
    if (prosody !== undefined) rmSync(prosody.folder, { recursive: true, force: true });
    throw error;
  }
}

/** A name as Prosody's files have it. */
function storeName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

export function luaList(names: readonly string[]): string {
  return `{ ${names.map((name) => `"${name}";`).join(' ')} }`;
}
