import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { control } from '../../shared/cli/control-client.js';
import { RawClient } from './raw-client.js';

const compiled = join(fileURLToPath(import.meta.url), '..', '..', '..');

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Where a process keeps its data: its folder; or, so that the same conversations are held on it, a database of its own on
 * the server of TEST_STORAGE_URL, in which NAME stands for it.
 */
export function storageOf(dataFolder: string): Record<string, string> {
  const server = process.env['TEST_STORAGE_URL'];
  if (server === undefined) return { STORAGE_URL: `lmdb:${dataFolder}` };
  const name = basename(dataFolder).replace(/[^A-Za-z0-9]/g, '_');
  return { STORAGE_URL: server.replace('NAME', name), DATA_DIR: dataFolder };
}

/** A process of ours, started for a test and ended by its pid. */
export class ProcessUnderTest {
  readonly name: string;
  readonly dataFolder: string;
  readonly child: ChildProcess;
  /** Everything it wrote, for failures and for tests of what is logged. */
  output = '';

  /** `within`: a command that runs it, as `ip netns exec NAME`. */
  constructor(
    name: string,
    dataFolder: string,
    environment: Record<string, string>,
    within: readonly string[] = [],
  ) {
    this.name = name;
    this.dataFolder = dataFolder;
    const main =
      name === 'core'
        ? join(compiled, 'core-server', 'main.js')
        : join(compiled, 'components', name, 'main.js');
    const [program = process.execPath, ...args] = [...within, process.execPath, main];
    this.child = spawn(program, args, {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: dataFolder,
        ...storageOf(dataFolder),
        ...environment,
      },
      cwd: dataFolder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collect = (chunk: Buffer) => {
      this.output += chunk.toString();
    };
    this.child.stdout?.on('data', collect);
    this.child.stderr?.on('data', collect);
  }

  /** Resolves when its run file says ready; rejects with its output when it ends first or takes too long. */
  async ready(milliseconds = 30_000): Promise<Record<string, string>> {
    const path = join(this.dataFolder, 'run', `${this.name}.json`);
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      if (this.child.exitCode !== null) break;
      if (existsSync(path)) {
        const file: { pid: number; ready: boolean; addresses: Record<string, string> } = JSON.parse(
          readFileSync(path, 'utf8') || '{}',
        );
        if (file.ready && file.pid === this.child.pid) return file.addresses;
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    throw new Error(`${this.name} did not become ready:\n${this.output}`);
  }

  /** Resolves when what it wrote has the pattern (a global one) so many times. */
  async waitFor(pattern: RegExp, times = 1, milliseconds = 20_000): Promise<void> {
    const end = performance.now() + milliseconds;
    while ((this.output.match(pattern)?.length ?? 0) < times) {
      if (performance.now() > end) throw new Error(`${this.name} did not say ${pattern}:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  /** Resolves when it has written something like this: its lines reach us later than its answers reach a client. */
  async said(pattern: RegExp, milliseconds = 10_000): Promise<void> {
    const end = performance.now() + milliseconds;
    while (!pattern.test(this.output)) {
      if (performance.now() > end) throw new Error(`${this.name} never said ${pattern}:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  /** Ends it and resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill('SIGKILL'), 8000);
    await gone;
    clearTimeout(late);
  }
}

/** Settings of a core: domain `localhost`, plain log-in on a free port of the loopback, no federation, no components. */
export const QUIET = {
  XMPP_DOMAINS: 'localhost',
  LISTEN_HOST: '127.0.0.1',
  C2S_PORT: 'auto',
  C2S_TLS_PORT: '0',
  S2S_PORT: '0',
  S2S_TLS_PORT: '0',
  COMPONENT_PORT: 'auto',
  COMPONENT_TLS_PORT: '0',
  COMPONENTS: '',
  C2S_REQUIRE_TLS: 'false',
} as const;

/** A core on free ports of the loopback, with a data folder of its own. */
export class CoreUnderTest {
  readonly dataFolder: string;
  readonly #settings: Record<string, string>;
  process: ProcessUnderTest;
  addresses: Record<string, string> = {};
  readonly #others: ProcessUnderTest[] = [];

  private constructor(dataFolder: string, settings: Record<string, string>) {
    this.dataFolder = dataFolder;
    this.#settings = settings;
    this.process = new ProcessUnderTest('core', dataFolder, settings);
  }

  /**
   * Starts a core. Settings not given: domain `localhost`, plain log-in allowed, no federation, no components but those
   * that `COMPONENTS` and `COMPONENT_<NAME>_SECRET` name.
   */
  static async start(settings: Record<string, string> = {}): Promise<CoreUnderTest> {
    const dataFolder = mkdtempSync(join(tmpdir(), 'entourage-test-'));
    const core = new CoreUnderTest(dataFolder, {
      ...QUIET,
      SASL_ITERATIONS: '4096',
      LOG_LEVEL: 'debug',
      ...settings,
    });
    try {
      core.addresses = await core.process.ready();
    } catch (error) {
      await core.stop();
      throw error;
    }
    return core;
  }

  /** Host and port of one of its listeners (`c2s`, `component`, …). */
  address(name = 'c2s'): Address {
    const text = this.addresses[name];
    const colon = text?.lastIndexOf(':') ?? -1;
    if (text === undefined || colon < 0) throw new Error(`the core has no listener ${name}`);
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  }

  /** Makes accounts `name@localhost` (or with their own domain); the password is `secret`. */
  async addUsers(...names: string[]): Promise<void> {
    for (const name of names) {
      await this.control('user.add', {
        jid: name.includes('@') ? name : `${name}@localhost`,
        password: 'secret',
      });
    }
  }

  control(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    return control(join(this.dataFolder, 'run', 'core.sock'), command, args, 20_000);
  }

  /** A connected raw client, nothing sent yet. */
  async connect(listener = 'c2s'): Promise<RawClient> {
    const { host, port } = this.address(listener);
    return RawClient.connect(host, port);
  }

  /** A client logged in as `user@localhost/resource`, without presence. */
  async login(user: string, resource = 'test', domain = 'localhost'): Promise<RawClient> {
    const client = await this.connect();
    await client.login(user, 'secret', domain, resource);
    return client;
  }

  /** The same, with roster asked for and initial presence sent and reflected. */
  async online(user: string, resource = 'test', domain = 'localhost'): Promise<RawClient> {
    const client = await this.login(user, resource, domain);
    await client.goOnline();
    return client;
  }

  /** A component process of ours, joined to this core (its domain and secret must be in the core's settings). */
  async component(name: string, settings: Record<string, string> = {}): Promise<ProcessUnderTest> {
    const { host, port } = this.address('component');
    const upper = name.toUpperCase();
    const component = new ProcessUnderTest(name, this.dataFolder, {
      XMPP_DOMAINS: this.#settings['XMPP_DOMAINS'] ?? 'localhost',
      CORE_HOST: host,
      CORE_PORT: String(port),
      LISTEN_HOST: '127.0.0.1',
      LOG_LEVEL: 'debug',
      [`${upper}_SECRET`]: this.#settings[`COMPONENT_${upper}_SECRET`] ?? 'secret',
      ...settings,
    });
    this.#others.push(component);
    await component.ready();
    return component;
  }

  /** Ends the core (`SIGKILL` for a crash) and starts it again on the same data and the same ports. */
  async restart(signal: NodeJS.Signals = 'SIGTERM', changes: Record<string, string> = {}): Promise<void> {
    await this.process.stop(signal);
    const settings = { ...this.#settings, ...changes };
    if (this.addresses['c2s'] !== undefined) settings['C2S_PORT'] = String(this.address('c2s').port);
    if (this.addresses['component'] !== undefined)
      settings['COMPONENT_PORT'] = String(this.address('component').port);
    this.process = new ProcessUnderTest('core', this.dataFolder, settings);
    this.addresses = await this.process.ready();
  }

  async stop(): Promise<void> {
    for (const other of this.#others) await other.stop();
    await this.process.stop();
    rmSync(this.dataFolder, { recursive: true, force: true });
  }
}
