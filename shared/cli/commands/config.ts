import { formatProblem } from '../../settings/settings-error.js';
import { type Command, systemSettingsOf, table } from '../command.js';
import { processesNamed } from '../deployment.js';
import { completeEnvironment } from '../environment.js';
import { EXIT } from '../exit-codes.js';
import { readSettings } from '../process-settings.js';

/** `entourage config`: every setting in force, its meaning and source. */
export const configCommand: Command = {
  name: 'config',
  usage: 'config [PROCESS…] [--json]',
  summary: 'print every setting in force, its source and meaning; secrets hidden',
  async run({ environment, words, json, print, printError }) {
    const entries = processesNamed(words);
    const settings = systemSettingsOf(environment);
    const complete = completeEnvironment(environment, settings.COMPONENTS, {
      dataFolder: settings.DATA_DIR,
      makeSecrets: false,
    });
    const all = await readSettings(entries, complete);
    const problems = all.flatMap((one) =>
      one.problems.map((problem) => ({ process: one.entry.name, ...problem })),
    );
    if (json) {
      const processes = Object.fromEntries(all.map(({ entry, reports }) => [entry.name, reports]));
      print(JSON.stringify({ processes, problems }, null, 2));
    } else {
      for (const { entry, reports } of all) {
        print(`\n${entry.name}`);
        print(
          table(
            reports.map(({ name, value, source, key, description }) => [
              `  ${name}`,
              value ?? '(not set)',
              key === name || source === 'default' ? source : `${source} ${key}`,
              description,
            ]),
          ),
        );
      }
      for (const problem of new Set(problems.map(formatProblem))) printError(problem);
    }
    return problems.length === 0 ? EXIT.ok : EXIT.settings;
  },
};
