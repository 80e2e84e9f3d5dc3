import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificatePair } from '../../../shared/tls/make-certificate.js';
import { testCertificate } from '../certificates.js';
import { erlangLibrariesWith, ForeignProcess, findProgram, freePort } from './programs.js';
import { type ForeignServer, type ForeignServerOptions, handleOf, type Listeners } from './server.js';

interface EjabberdOptions extends ForeignServerOptions {
  /** Lines of `modules:` besides those that every test needs, each ended. */
  readonly modules?: string;
  /** Lines of `listen:` besides clients', components' and BOSH, each ended. */
  readonly listen?: string;
  /** Lines of the file's top level, instead of `auth_method: internal` and the like where they say otherwise. */
  readonly top?: string;
  readonly pair?: CertificatePair;
  readonly morePorts?: readonly number[];
  /** Arguments of the Erlang emulator. */
  readonly emulator?: readonly string[];
}

export interface Ejabberd extends ForeignServer {
  /** Where its database is. */
  readonly spool: string;
  /** Writes its configuration anew, for the next start. */
  configure(changes: Partial<EjabberdOptions>): void;
  /** Runs what `ejabberdctl` would run in it; rejects where that would fail. Resolves with what it printed. */
  control(...args: readonly string[]): Promise<string>;
}

/** Reads Erlang expressions from standard input, a line each, and prints what they give. It ends with its input. */
const SERVANT = `ok = io:setopts([{encoding, unicode}]),
{ok, _} = application:ensure_all_started(ejabberd),
Serve = fun Serve() ->
  case io:get_line("") of
    Line when is_list(Line) ->
      {ok, Tokens, _} = erl_scan:string(Line),
      {ok, Parsed} = erl_parse:parse_exprs(Tokens),
      Result = try erl_eval:exprs(Parsed, []) of {value, Value, _} -> Value catch _:Reason -> {failed, Reason} end,
      io:format("~n=> ~0p~n", [Result]),
      Serve();
    _ -> init:stop()
  end
end,
Serve().`;

/** Prepares Debian's ejabberd without starting it; it has no node name and so needs no epmd. Undefined where it is not installed. */
export async function prepareEjabberd(options: EjabberdOptions = {}): Promise<Ejabberd | undefined> {
  const erlang = findProgram('erl');
  const libraries = erlangLibrariesWith('ejabberd-');
  if (erlang === undefined || libraries === undefined) return undefined;
  const { domain = 'localhost', address = '127.0.0.1', users = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'ejabberd-'));
  const c2sPort = options.c2sPort ?? (await freePort());
  const [componentPort, httpPort] = [await freePort(), await freePort()];
  const spool = join(folder, 'spool');
  mkdirSync(spool);
  const pair = options.pair ?? testCertificate([domain]);
  const caPath = join(folder, 'server.crt');
  const both = join(folder, 'server.pem');
  writeFileSync(caPath, pair.certificate);
  writeFileSync(both, `${pair.certificate}\n${pair.key}`, { mode: 0o600 });
  const listeners = { domain, address, c2sPort, componentPort, httpPort };
  const configure = (changes: Partial<EjabberdOptions>): void =>
    writeFileSync(join(folder, 'ejabberd.yml'), configurationOf({ ...options, ...changes }, listeners, both));
  configure({});
  const ports = [
    c2sPort,
    httpPort,
    ...(Object.keys(options.components ?? {}).length === 0 ? [] : [componentPort]),
  ];
  const emulator = [
    ...(options.emulator ?? []),
    '-mnesia',
    'dir',
    `"${spool}"`,
    '-noshell',
    '-eval',
    SERVANT,
  ];
  const process_ = new ForeignProcess('ejabberd', address, [...ports, ...(options.morePorts ?? [])], () =>
    spawn(erlang, emulator, {
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
    }),
  );
  const handle = handleOf('ejabberd', listeners, folder, caPath, process_, users);
  const evaluate = async (expression: string): Promise<{ value: string; printed: string }> => {
    const from = process_.output.length;
    process_.child.stdin?.write(`${expression}.\n`);
    await process_.said(/\n=> .*\n/, from);
    const [printed = '', value = ''] = process_.output.slice(from).split('\n=> ');
    return { value: value.split('\n')[0] ?? '', printed };
  };
  let registered = false;
  return Object.assign(handle, {
    spool,
    configure,
    async start() {
      await process_.start();
      if (registered) return;
      registered = true;
      for (const [user, password] of Object.entries(users)) {
        const { value } = await evaluate(
          `ejabberd_auth:try_register(${[user, domain, password].map(binary).join(', ')})`,
        );
        if (value !== 'ok') throw new Error(`ejabberd did not register ${user}: ${value}`);
      }
    },
    async control(...args: readonly string[]) {
      const { value, printed } = await evaluate(
        `ejabberd_ctl:process([${args.map((arg) => `binary_to_list(${binary(arg)})`).join(', ')}])`,
      );
      if (value !== '0') throw new Error(`ejabberdctl ${args.join(' ')}: ${value}\n${printed}`);
      return printed;
    },
  });
}

function configurationOf(options: EjabberdOptions, listeners: Listeners, certificate: string): string {
  const { domain, address, c2sPort, componentPort, httpPort } = listeners;
  const hosts = Object.entries(options.components ?? {});
  const top = options.top ?? '';
  const unless = (name: string, line: string): string =>
    new RegExp(`^${name}:`, 'm').test(top) ? '' : `${line}\n`;
  return `hosts: ["${domain}"]
certfiles: ["${certificate}"]
registration_timeout: infinity
${unless('loglevel', 'loglevel: info')}${unless('auth_method', 'auth_method: internal')}${unless('auth_password_format', 'auth_password_format: scram')}${unless('s2s_access', 's2s_access: none')}${top}
listen:
  - {port: ${c2sPort}, ip: "${address}", module: ejabberd_c2s, starttls: true, max_stanza_size: 1048576, access: all}
  - port: ${httpPort}
    ip: "${address}"
    module: ejabberd_http
    request_handlers:
      /http-bind: mod_bosh
${hosts.length === 0 ? '' : `  - port: ${componentPort}\n    ip: "${address}"\n    module: ejabberd_service\n    access: all\n    hosts:\n`}${hosts.map(([name, secret]) => `      "${name}": {password: "${secret}"}\n`).join('')}${options.listen ?? ''}
modules:
  mod_admin_extra: {}
  mod_bosh: {max_inactivity: 300}
  mod_disco: {}
  mod_roster: {}
  mod_ping: {}
  mod_register: {ip_access: all, password_strength: 0}
${options.modules ?? ''}`;
}

/** A text as an Erlang term, whatever is in it. */
function binary(text: string): string {
  return `<<${[...Buffer.from(text)].join(',')}>>`;
}

/** Starts it; undefined where it is not installed. Rejects, with its output, where it does not come up. */
export async function startEjabberd(options: EjabberdOptions = {}): Promise<Ejabberd | undefined> {
  const ejabberd = await prepareEjabberd(options);
  try {
    await ejabberd?.start();
    return ejabberd;
  } catch (error) {
    await ejabberd?.kill('SIGKILL');
    if (ejabberd !== undefined) rmSync(ejabberd.folder, { recursive: true, force: true });
    throw error;
  }
}
