import { softwareVersion } from '../entity/software.js';
import { LogOutput } from '../observability/log-output.js';
import { createLogger, type ProcessLogger } from '../observability/logger.js';
import { createMetrics, type ProcessMetrics } from '../observability/metrics.js';
import { type Page, type Readiness, startObservabilityServer } from '../observability/server.js';
import { addStatusPage, type Picture } from '../observability/status-page.js';
import { loadSettings } from '../settings/load.js';
import type { Loaded, SettingEntries, SettingsDefinition } from '../settings/setting.js';
import { SettingsError, UnusableSettingError } from '../settings/settings-error.js';
import type { sharedSettings } from '../settings/shared.js';
import { StorageError } from '../storage/storage.js';
import { type ControlServer, createControlServer } from './control-server.js';
import { EXIT } from './exit-codes.js';
import { controlSocketPath, removeRunFile, writeRunFile } from './run-files.js';
import { onStopSignal } from './stop-signals.js';

/** A drain that takes longer is cut, so that everything stops within 5 s of SIGTERM. */
const DRAIN_MILLISECONDS = 4_500;

const STARTING = 'starting';
/** How soon a run file that could not be written is tried again, ms. */
const RUN_FILE_RETRY = 5_000;

type Shared = typeof sharedSettings;

/** What a process's composition gets. */
export interface ProcessContext<D extends SettingEntries> {
  readonly name: string;
  readonly settings: Loaded<D>;
  readonly log: ProcessLogger;
  readonly metrics: ProcessMetrics;
  /** Commands of `entourage …` for this process: register handlers in `start`. */
  readonly control: ControlServer;
  /** Pages beside `/metrics`. */
  readonly pages: Map<string, Page>;
  /** Says that the process can, or cannot, serve now (link to the core lost, storage away). Ready once `start` resolves. */
  setReadiness(readiness: Readiness): void;
}

/** What a process's composition gives back. */
export interface RunningProcess<D extends SettingEntries> {
  /** Real addresses by listener (`c2s`, `c2s-tls`, `s2s`, `component`, `http`, …), each `host:port`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Takes no more work, finishes what was accepted, closes its streams. */
  drain(): Promise<void>;
  /** SIGHUP or `entourage reload`: certificates and what settings can change at run time. */
  reload?(settings: Loaded<D>): Promise<void> | void;
  /** What the page `/status` shows of it and its neighbours. */
  picture?(): Picture;
  /** Further fields of `entourage status`. */
  status?(): Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
}

interface ProcessOptions<D extends SettingEntries> {
  /** `core`, `muc`, …: names its log lines, run file and control socket; its upper-case form prefixes settings. */
  readonly name: string;
  readonly definition: SettingsDefinition<D>;
  start(context: ProcessContext<D>): Promise<RunningProcess<D>>;
}

/**
 * The main program of every process: settings, logger, metrics, health, control socket, run file and signals.
 * SIGTERM drains, a second one (a second later, or more) ends at once, SIGHUP reloads. Errors that nobody caught are logged, then it exits.
 */
export async function runProcess<D extends SettingEntries & Shared>(
  options: ProcessOptions<D>,
): Promise<void> {
  const log = createLogger({ process: options.name });
  let settings: Loaded<D>;
  try {
    settings = loadSettings(options.definition, { process: options.name, environment: process.env });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const problem of error.problems)
      log.error({ code: 'settings.invalid', ...problem }, 'a setting is wrong');
    process.exit(EXIT.settings);
  }
  const host = new ProcessHost(options, settings, log);
  host.handleSignals();
  try {
    await host.run();
  } catch (error) {
    log.error(
      error instanceof UnusableSettingError
        ? { code: 'process.start-failed', setting: error.problem.name }
        : { code: 'process.start-failed', error },
      error instanceof Error ? error.message : 'cannot start',
    );
    process.exit(error instanceof StorageError && error.code === 'corrupt' ? EXIT.damaged : EXIT.failed);
  }
}

class ProcessHost<D extends SettingEntries & Shared> {
  private readonly options: ProcessOptions<D>;
  private settings: Loaded<D>;
  /** The shared part, which every definition contains. */
  private readonly shared: Loaded<Shared>;
  private readonly log: ProcessLogger;
  private readonly metrics: ProcessMetrics;
  private readonly control: ControlServer;
  private readonly startedAt = new Date();
  private running: RunningProcess<D> | undefined;
  private addresses: Record<string, string> = {};
  private readiness: Readiness = { ready: false, reason: STARTING };
  private stopping = false;
  private runFileRetry: NodeJS.Timeout | undefined;
  /** What the launcher was last told. */
  private told = '';
  private closeObservability: () => Promise<void> = async () => undefined;

  constructor(options: ProcessOptions<D>, settings: Loaded<D>, log: ProcessLogger) {
    this.options = options;
    this.settings = settings;
    this.shared = settings as unknown as Loaded<Shared>;
    this.log = log;
    this.log.level = this.shared.LOG_LEVEL;
    this.metrics = createMetrics({ process: options.name });
    this.control = createControlServer(log);
  }

  async run(): Promise<void> {
    const { name } = this.options;
    const dataFolder = this.shared.DATA_DIR;
    process.on('exit', () => removeRunFile(dataFolder, name, process.pid));
    const pages = new Map<string, Page>();
    addStatusPage(pages, {
      process: name,
      version: softwareVersion(),
      startedAt: this.startedAt,
      state: () => ({
        ready: this.readiness.ready,
        reason: this.readiness.ready ? '' : this.readiness.reason,
      }),
      picture: () => this.picture(),
    });
    const observability = await startObservabilityServer({
      port: this.shared.METRICS_PORT,
      host: this.shared.METRICS_HOST,
      metrics: this.metrics,
      log: this.log,
      ready: () => this.readiness,
      pages,
    });
    this.closeObservability = () => observability.close();
    this.metrics.observedGauge('ready', 'Whether the process can serve (1) or not (0).', () =>
      this.readiness.ready ? 1 : 0,
    );
    this.registerCommands();
    this.running = await this.options.start({
      name,
      settings: this.settings,
      log: this.log,
      metrics: this.metrics,
      control: this.control,
      pages,
      setReadiness: (readiness) => this.setReadiness(readiness),
    });
    if (this.stopping) return;
    await this.control.listen(controlSocketPath(dataFolder, name));
    this.addresses = Object.fromEntries(
      Object.entries(this.running.addresses).map(([listener, address]) => [listener, bracketed(address)]),
    );
    if (observability.address !== null) {
      const { host, port } = observability.address;
      this.addresses['metrics'] = bracketed(`${host}:${port}`);
    }
    this.writeRunFile(); // before anybody is told of it
    this.log.info({ code: 'process.started', pid: process.pid, addresses: this.addresses }, 'started');
    const composed = this.readiness;
    // Ready once composed, unless the composition said otherwise.
    this.setReadiness(!composed.ready && composed.reason === STARTING ? { ready: true } : composed);
  }

  handleSignals(): void {
    const launched = process.send !== undefined;
    onStopSignal(
      (signal) => void this.stop(signal),
      // At a terminal the whole group gets a SIGINT: the launcher says when to stop. A supervisor may signal its whole group
      // too: below a launcher that is one request, however often it comes.
      (signal) => !launched || (signal === 'SIGTERM' && !this.stopping),
    );
    process.on('SIGHUP', () => void this.reload().catch(() => undefined));
    if (launched) {
      process.on('message', (message) => {
        if (isStop(message) && !this.stopping) void this.stop('the launcher');
      });
      process.on('disconnect', () => {
        if (!this.stopping) void this.stop('the launcher is gone');
      });
      process.channel?.unref();
    }
    const fatal = (code: string) => (error: unknown) => {
      this.log.error(
        { code, error: error instanceof Error ? error : new Error(String(error)) },
        'uncaught error',
      );
      process.exit(EXIT.internal);
    };
    process.on('uncaughtException', fatal('process.uncaught-exception'));
    process.on('unhandledRejection', fatal('process.unhandled-rejection'));
  }

  private registerCommands(): void {
    this.control.handle('status', async () => ({
      process: this.options.name,
      pid: process.pid,
      uptimeSeconds: Math.round((Date.now() - this.startedAt.getTime()) / 1000),
      ready: this.readiness.ready,
      ...(this.readiness.ready ? {} : { reason: this.readiness.reason }),
      memoryBytes: process.memoryUsage.rss(),
      addresses: this.addresses,
      ...(await this.running?.status?.()),
    }));
    this.control.handle('picture', () => ({ at: Date.now(), ...this.picture() }));
    this.control.handle('reload', () => this.reload());
  }

  private picture(): Picture {
    return this.running?.picture?.() ?? { stanzas: 0, facts: {}, neighbours: [] };
  }

  private setReadiness(readiness: Readiness): void {
    if (this.stopping) return;
    this.readiness = readiness;
    if (this.running === undefined) return;
    this.renewRunFile();
    const told = readiness.ready ? 'ready' : readiness.reason;
    if (told === this.told) return;
    this.told = told;
    const message = { type: 'readiness', ...readiness, addresses: this.addresses };
    // Log lines go by another pipe, and later: the launcher's `ready` line must not overtake them.
    LogOutput.to(1).whenWritten(() => process.connected && process.send?.(message));
  }

  /** While the disk is full it says what was so before; a process does not end over that. */
  private renewRunFile(): void {
    clearTimeout(this.runFileRetry);
    try {
      this.writeRunFile();
    } catch (error) {
      this.log.warn(
        { code: 'process.run-file-unwritable', error },
        'what the process says of itself is not written',
      );
      this.runFileRetry = setTimeout(() => this.stopping || this.renewRunFile(), RUN_FILE_RETRY);
      this.runFileRetry.unref();
    }
  }

  private writeRunFile(): void {
    const { readiness } = this;
    writeRunFile(this.shared.DATA_DIR, {
      process: this.options.name,
      pid: process.pid,
      startedAt: this.startedAt.toISOString(),
      ready: readiness.ready,
      ...(readiness.ready ? {} : { reason: readiness.reason }),
      addresses: this.addresses,
    });
  }

  private async reload(): Promise<void> {
    try {
      const settings = loadSettings(this.options.definition, {
        process: this.options.name,
        environment: process.env,
      });
      this.settings = settings;
      this.log.level = (settings as unknown as Loaded<Shared>).LOG_LEVEL;
      await this.running?.reload?.(settings);
      this.log.info({ code: 'process.reloaded' }, 'settings and certificates are read again');
    } catch (error) {
      this.log.error({ code: 'process.reload-failed', error }, 'not reloaded: what was in force stays');
      throw error;
    }
  }

  private async stop(why: string): Promise<void> {
    if (this.stopping) {
      this.log.warn({ code: 'process.killed', why }, 'second signal: ends at once');
      process.exit(EXIT.failed);
    }
    this.stopping = true;
    this.readiness = { ready: false, reason: 'stopping' };
    this.log.info({ code: 'process.stopping', why }, 'finishes what it accepted');
    // Not unref'd: a drain that waits for nothing the event loop knows of must be cut too.
    const cut = setTimeout(() => {
      this.log.warn({ code: 'process.drain-cut' }, 'the drain took too long');
      process.exit(EXIT.failed);
    }, DRAIN_MILLISECONDS);
    try {
      await this.running?.drain();
      await Promise.all([this.control.close(), this.closeObservability()]);
      clearTimeout(cut);
      this.log.info({ code: 'process.stopped' }, 'stopped');
      LogOutput.exit(EXIT.ok);
    } catch (error) {
      this.log.error({ code: 'process.drain-failed', error }, 'stopped with an error');
      LogOutput.exit(EXIT.failed);
    }
  }
}

function isStop(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop';
}

/** `:::5222` → `[::]:5222`. */
function bracketed(address: string): string {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  return host.includes(':') && !host.startsWith('[') ? `[${host}]${address.slice(colon)}` : address;
}
