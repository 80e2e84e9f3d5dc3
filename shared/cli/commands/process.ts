import { pathToFileURL } from 'node:url';
import { CORE, mainOf, type ProcessEntry } from '../../settings/registry.js';
import { type Command, systemSettingsOf } from '../command.js';
import { control, NotRunningError } from '../control-client.js';
import { systemSettingsWith, throwProblems } from '../deployment.js';
import { completeEnvironment } from '../environment.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { readSettings } from '../process-settings.js';
import { controlSocketPath } from '../run-files.js';

/** What can be asked of one running process, by its name, and what that does. */
const OPERATIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  muc: { close: 'everybody out of its rooms (332) until it is started again' },
};

/** `entourage core`, `entourage muc`, …: one process alone, in this process. */
export const processCommand = (entry: ProcessEntry): Command => ({
  name: entry.name,
  usage: [entry.name, ...Object.keys(OPERATIONS[entry.name] ?? {}).map((word) => `[${word}]`)].join(' '),
  summary: [
    entry === CORE ? 'run the core server alone' : `run the ${entry.name} component alone`,
    ...Object.entries(OPERATIONS[entry.name] ?? {}).map(([word, does]) => `; \`${word}\`: ${does}`),
  ].join(''),
  async run({ environment, words, print }) {
    const [operation, ...rest] = words;
    if (operation !== undefined) {
      if (rest.length > 0 || !Object.hasOwn(OPERATIONS[entry.name] ?? {}, operation))
        throw new CommandError(EXIT.usage, `${entry.name} has no operation ${words.join(' ')}`);
      const path = controlSocketPath(systemSettingsOf(environment, entry.name).DATA_DIR, entry.name);
      try {
        print(JSON.stringify(await control(path, operation)));
      } catch (error) {
        if (error instanceof NotRunningError) throw new CommandError(EXIT.notRunning, error.message);
        throw error;
      }
      return EXIT.ok;
    }
    const main = mainOf(entry);
    if (main === undefined) throw new CommandError(EXIT.notFound, `${entry.name} is not installed here`);
    const settings = await systemSettingsWith([entry], environment, entry.name);
    const isCore = entry === CORE;
    const complete = completeEnvironment(environment, isCore ? settings.COMPONENTS : [entry.name], {
      dataFolder: settings.DATA_DIR,
      makeSecrets: isCore,
    });
    throwProblems(await readSettings([entry], complete));
    // The entry reads process.env, as it does when it is run without this command.
    Object.assign(process.env, complete);
    await import(pathToFileURL(main).href);
    // It ends with process.exit on a signal.
    return await new Promise<number>(() => undefined);
  },
});
