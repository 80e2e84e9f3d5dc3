import { readableLine } from '../../observability/log-text.js';
import { createLogger } from '../../observability/logger.js';
import { COMPONENTS, CORE, mainOf } from '../../settings/registry.js';
import { SettingSources } from '../../settings/sources.js';
import { type Command, systemSettingsOf } from '../command.js';
import { installed, systemSettingsWith, throwProblems } from '../deployment.js';
import { completeEnvironment } from '../environment.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { Launcher, type LauncherEnd } from '../launcher.js';
import { readSettings } from '../process-settings.js';
import { isRunning, readRunFile } from '../run-files.js';
import { onStopSignal } from '../stop-signals.js';

const PARENT_WATCH_MILLISECONDS = 1_000;

const ENDS: Readonly<Record<LauncherEnd, number>> = {
  stopped: EXIT.ok,
  refused: EXIT.settings,
  failed: EXIT.failed,
};

/** `entourage start`: everything, on this host. */
export const startCommand: Command = {
  name: 'start',
  usage: 'start',
  words: 0,
  summary: 'run the core and every component, each as a process of its own',
  async run({ environment, print }) {
    const settings = await systemSettingsWith([CORE, ...COMPONENTS], environment);
    const dataFolder = settings.DATA_DIR;
    const other = readRunFile(dataFolder, 'launcher');
    if (other !== undefined && isRunning(other)) {
      throw new CommandError(EXIT.exists, `already running on ${dataFolder} (process ${other.pid})`);
    }
    const sources = new SettingSources(environment, '.env');
    const explicit = Boolean(givenIn(sources, 'COMPONENTS'));
    const { chosen, elsewhere, missing } = chooseComponents(explicit ? settings.COMPONENTS : null, sources);
    const coreMain = mainOf(CORE);
    if (coreMain === undefined) throw new CommandError(EXIT.failed, 'the core server is not installed here');
    const names = chosen.map(({ entry }) => entry.name);
    const complete = completeEnvironment(environment, names, { dataFolder, makeSecrets: true });
    complete['COMPONENTS'] = [...names, ...elsewhere].join(',') || 'none';
    throwProblems(await readSettings([CORE, ...chosen.map(({ entry }) => entry)], complete), missing);

    const writeLine = process.stdout.isTTY ? (line: string) => print(readableLine(line)) : print;
    const log = createLogger({
      process: 'start',
      level: settings.LOG_LEVEL,
      destination: { write: (line) => writeLine(`start ${line.trimEnd()}`) },
    });
    const launched = (name: string, main: string) => ({
      name,
      main,
      environment: complete,
      v8Options: systemSettingsOf(environment, name).V8_OPTIONS,
    });
    const launcher = new Launcher({
      dataFolder,
      core: launched(CORE.name, coreMain),
      components: chosen.map(({ entry, main }) => launched(entry.name, main)),
      log,
      writeLine,
      corePortIsSet: Boolean(givenIn(sources, 'CORE_PORT')),
    });
    onStopSignal(() => void launcher.stop());
    process.on('SIGHUP', () => launcher.reload());
    if (environment['npm_lifecycle_event'] === 'start') stopWithParent(launcher);
    await launcher.start();
    return ENDS[await launcher.done];
  },
};

/** Below `npm start`: when npm was killed, nobody could stop us by its id any more. */
function stopWithParent(launcher: Launcher): void {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    void launcher.stop();
  }, PARENT_WATCH_MILLISECONDS);
  watch.unref();
}

function givenIn(sources: SettingSources, key: string): string | undefined {
  return sources.environment[key] || sources.dotenv[key];
}

/**
 * The components to run: of those listed the ones that are here; else (null) all that are here. One that is not here may be
 * run elsewhere, where it has a secret of the operator's: the core knows it, we do not run it. Any other is missing.
 */
function chooseComponents(listed: readonly string[] | null, sources: SettingSources) {
  const here = installed(COMPONENTS);
  if (listed === null) return { chosen: here, elsewhere: [], missing: [] };
  const others = listed.filter((name) => !here.some(({ entry }) => entry.name === name));
  const unknown = others.filter((name) => {
    const secret = `COMPONENT_${name.toUpperCase().replaceAll('-', '_')}_SECRET`;
    return !givenIn(sources, secret) && !givenIn(sources, `${secret}_FILE`);
  });
  const missing = unknown.map((name) => ({
    name: 'COMPONENTS',
    value: name,
    expected: `expected components that are installed here (${here.map(({ entry }) => entry.name).join(', ') || 'none is'}); one from elsewhere needs COMPONENT_<NAME>_DOMAIN and _SECRET`,
  }));
  return {
    chosen: here.filter(({ entry }) => listed.includes(entry.name)),
    elsewhere: others.filter((name) => !unknown.includes(name)),
    missing,
  };
}
