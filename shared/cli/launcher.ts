import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Logger } from '../observability/types.js';
import { ControlError } from './control-error.js';
import { type ControlServer, createControlServer } from './control-server.js';
import { controlSocketPath, removeRunFile, writeRunFile } from './run-files.js';
import {
  type BackOff,
  DEFAULT_BACK_OFF,
  type ProcessCommand,
  SupervisedProcess,
} from './supervised-process.js';
import { nodeOptionsOf } from './v8-options.js';

/** A process for the launcher: its entry, and what to add to its environment. */
interface LauncherProcess {
  readonly name: string;
  readonly main: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The operator's options of V8 for it. */
  readonly v8Options?: readonly string[];
}

interface LauncherOptions {
  readonly dataFolder: string;
  readonly core: LauncherProcess;
  readonly components: readonly LauncherProcess[];
  readonly log: Logger;
  /** Takes one line of output of this or a child process. */
  readonly writeLine: (line: string) => void;
  /** `CORE_PORT` is the operator's: components then use it, not the port that the core reports. */
  readonly corePortIsSet: boolean;
  readonly backOff?: BackOff;
  /** How long the `ready` line waits for components once the core serves; then it names those it does without. */
  readonly componentsMilliseconds?: number;
}

/** How long who asks for a restart waits until the process serves. */
const RESTART_WAIT_MILLISECONDS = 20_000;

/** Why the system ended by itself. */
export type LauncherEnd = 'stopped' | 'refused' | 'failed';

/** A component that cannot serve (what it needs is elsewhere, or away) must not keep the rest from being announced. */
const COMPONENTS_MILLISECONDS = 20_000;

/** Settings that a reported address answers, so that a restarted process comes back where its peers look for it. */
const PORT_SETTINGS: Readonly<Record<string, string>> = {
  c2s: 'C2S_PORT',
  'c2s-tls': 'C2S_TLS_PORT',
  s2s: 'S2S_PORT',
  's2s-tls': 'S2S_TLS_PORT',
  component: 'COMPONENT_PORT',
  'component-tls': 'COMPONENT_TLS_PORT',
  http: 'BOSH_PORT',
};

/** Runs the core and then the components, each as a process of its own, until told to stop. */
export class Launcher {
  private readonly options: LauncherOptions;
  private readonly core: SupervisedProcess;
  private readonly components: SupervisedProcess[];
  private readonly control: ControlServer;
  /** What each process reported when it was last ready. */
  private readonly addresses = new Map<string, Readonly<Record<string, string>>>();
  /** Why each process said that it cannot serve, when it last did. */
  private readonly reasons = new Map<string, string>();
  private readonly startedAt = new Date().toISOString();
  private announced = false;
  private patience: NodeJS.Timeout | undefined;
  private stopped: Promise<void> | undefined;
  private finish: (end: LauncherEnd) => void = () => undefined;
  /** Resolves when everything has ended. */
  readonly done: Promise<LauncherEnd>;

  constructor(options: LauncherOptions) {
    this.options = options;
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.control = createControlServer(options.log);
    const width = Math.max(...[options.core, ...options.components].map(({ name }) => name.length));
    const supervise = (entry: LauncherProcess): SupervisedProcess => {
      const supervised = new SupervisedProcess(
        this.commandOf(entry),
        options.log,
        (line) => options.writeLine(`${entry.name.padEnd(width)} ${line}`),
        options.backOff ?? DEFAULT_BACK_OFF,
      );
      supervised.on('ready', (addresses) => this.becameReady(entry.name, addresses));
      supervised.on('unready', (reason) => {
        this.reasons.set(entry.name, reason);
        // While all start they are on their way; whoever has not arrived by the `ready` line is named then.
        if (this.announced) this.warnUnready(entry.name);
      });
      supervised.on('refused', () => void this.end('refused'));
      return supervised;
    };
    this.core = supervise(options.core);
    this.components = options.components.map(supervise);
    // Before it was ever ready, a core that dies has a reason which trying again does not mend (a port in use).
    this.core.on('died', () => {
      if (!this.addresses.has('core')) void this.end('failed');
    });
  }

  async start(): Promise<void> {
    const { dataFolder } = this.options;
    this.control.handle('status', () => this.status());
    this.control.handle('restart', ({ name, wait }) => this.restart(String(name), wait === true));
    this.control.handle('halt', ({ name }) => this.halt(String(name)));
    this.control.handle('stop', () => void setImmediate(() => void this.stop()));
    this.control.handle('reload', () => this.reload());
    await this.control.listen(controlSocketPath(dataFolder, 'launcher'));
    this.writeRunFile();
    this.core.start();
  }

  /** Stops the components, then the core, all within 5 s. Called again, it ends everything at once. */
  stop(): Promise<void> {
    if (this.stopped !== undefined) {
      for (const child of this.all()) child.signal('SIGKILL');
      return this.stopped;
    }
    return this.end('stopped');
  }

  /** Has every process read its settings and certificates again. */
  reload(): void {
    for (const child of this.all()) child.signal('SIGHUP');
  }

  private all(): SupervisedProcess[] {
    return [this.core, ...this.components];
  }

  private end(how: LauncherEnd): Promise<void> {
    this.stopped ??= (async () => {
      clearTimeout(this.patience);
      for (const child of this.all()) child.expectEnd();
      // Components first, so that the core can still deliver what they finish.
      await Promise.all(this.components.map((component) => component.stop(2_000)));
      await this.core.stop(2_700);
      await this.control.close();
      removeRunFile(this.options.dataFolder, 'launcher', process.pid);
      this.finish(how);
    })();
    return this.stopped;
  }

  private commandOf({ name, main, environment, v8Options }: LauncherProcess): ProcessCommand {
    return {
      name,
      main,
      nodeOptions: nodeOptionsOf(name, v8Options),
      environment: () => ({
        UV_THREADPOOL_SIZE: String(Math.max(4, availableParallelism())),
        ...environment,
        ...(name === this.options.core.name ? {} : this.coreAddress()),
        ...this.samePorts(name),
      }),
    };
  }

  /** Where components find the core, where the operator did not say. */
  private coreAddress(): NodeJS.ProcessEnv {
    const address = this.addresses.get('core')?.['component'];
    if (address === undefined || this.options.corePortIsSet) return {};
    const { host, port } = splitAddress(address);
    const anywhere = host === '::' || host === '0.0.0.0';
    return { CORE_PORT: String(port), ...(anywhere ? {} : { CORE_HOST: host }) };
  }

  /** Ports a process had before it died: `auto` must not give it others. */
  private samePorts(name: string): NodeJS.ProcessEnv {
    const ports: NodeJS.ProcessEnv = {};
    for (const [listener, address] of Object.entries(this.addresses.get(name) ?? {})) {
      const setting = listener === 'metrics' ? `${name.toUpperCase()}_METRICS_PORT` : PORT_SETTINGS[listener];
      if (setting !== undefined) ports[setting] = String(splitAddress(address).port);
    }
    return ports;
  }

  private becameReady(name: string, addresses: Readonly<Record<string, string>>): void {
    this.addresses.set(name, addresses);
    this.options.log.info({ code: 'start.process-ready', name, addresses }, `${name} is ready`);
    if (name === this.options.core.name) {
      for (const component of this.components) component.start();
      this.patience ??= setTimeout(
        () => this.announce(),
        this.options.componentsMilliseconds ?? COMPONENTS_MILLISECONDS,
      );
    }
    this.writeRunFile();
    if (this.all().every((child) => child.ready)) this.announce();
  }

  /** The last line of a start: everything serves, or what does not is named. */
  private announce(): void {
    if (this.announced || this.stopped !== undefined) return;
    this.announced = true;
    clearTimeout(this.patience);
    const without = this.all()
      .filter((child) => !child.ready)
      .map((child) => child.name);
    for (const name of without) this.warnUnready(name);
    const suffix = without.length === 0 ? [] : [`without=${without.join(',')}`];
    this.options.writeLine(['ready', ...this.addressList(), ...suffix].join(' '));
  }

  private warnUnready(name: string): void {
    const reason = this.reasons.get(name) ?? 'it has not started yet';
    this.options.log.warn({ code: 'start.process-unready', name, reason }, `${name} cannot serve`);
  }

  /** `c2s=[::]:5222`, `bosh.http=[::]:5280`: the core's by themselves, the components' with their name. */
  private addressList(): string[] {
    return this.all().flatMap(({ name }) =>
      Object.entries(this.addresses.get(name) ?? {}).map(
        ([listener, address]) => `${name === 'core' ? '' : `${name}.`}${listener}=${address}`,
      ),
    );
  }

  private writeRunFile(): void {
    if (this.stopped !== undefined) return;
    writeRunFile(this.options.dataFolder, {
      process: 'launcher',
      pid: process.pid,
      startedAt: this.startedAt,
      ready: this.all().every((child) => child.ready),
      addresses: Object.fromEntries(this.addressList().map((entry) => entry.split('=') as [string, string])),
    });
  }

  private status(): unknown {
    return this.all().map((child) => ({
      process: child.name,
      pid: child.pid ?? null,
      ready: child.ready,
      restarts: child.restarts,
    }));
  }

  /** With `wait`, until it serves again or a while has gone by; `ready` says which. */
  private async restart(name: string, wait: boolean): Promise<unknown> {
    const child = this.find(name);
    await child.restart();
    if (wait && !child.ready) {
      const signal = AbortSignal.timeout(RESTART_WAIT_MILLISECONDS);
      await once(child, 'ready', { signal }).catch(() => undefined);
    }
    return { process: name, restarted: true, ready: child.ready };
  }

  /** Ends one process until it is restarted. */
  private async halt(name: string): Promise<unknown> {
    await this.find(name).halt();
    return { process: name, halted: true };
  }

  private find(name: string): SupervisedProcess {
    const child = this.all().find((candidate) => candidate.name === name);
    if (child === undefined) throw new ControlError('not-found', `no process ${name} runs here`);
    return child;
  }
}

/** `[::]:5222` → its host and port. */
function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
  };
}
