import { pathToFileURL } from 'node:url';
import { CORE, mainOf, PROCESSES } from '../../settings/registry.js';
import { type Command, systemSettingsOf } from '../command.js';
import { readSettings, throwProblems } from '../deployment.js';
import { completeEnvironment } from '../environment.js';
import { CommandError, EXIT } from '../exit-codes.js';

/** `entourage core`, `entourage muc`, …: one process alone, in this process. */
export const processCommands: readonly Command[] = PROCESSES.map((entry) => ({
  name: entry.name,
  usage: entry.name,
  summary: entry === CORE ? 'run the core server alone' : `run the ${entry.name} component alone`,
  async run({ environment }) {
    const main = mainOf(entry);
    if (main === undefined) throw new CommandError(EXIT.notFound, `${entry.name} is not installed here`);
    const settings = systemSettingsOf(environment, entry.name);
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
}));
