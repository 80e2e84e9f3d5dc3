import { mainOf, PROCESSES, type ProcessEntry } from '../settings/registry.js';
import { type SettingProblem, SettingsError } from '../settings/settings-error.js';
import { portsTakenTwice } from './checks/ports.js';
import { type SystemSettings, systemSettingsOf } from './command.js';
import { CommandError, EXIT } from './exit-codes.js';
import { type ProcessSettings, readSettings } from './process-settings.js';

/**
 * The settings that a command needs before it can read all others. Where one of them is wrong, the SettingsError has
 * every problem of `entries` too; a secret that would be made is not missed.
 */
export async function systemSettingsWith(
  entries: readonly ProcessEntry[],
  environment: NodeJS.ProcessEnv,
  process?: string,
): Promise<SystemSettings> {
  try {
    return systemSettingsOf(environment, process);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const all = await readSettings(entries, environment);
    for (const { problems } of all)
      if (problems.length > 0)
        throwProblems(
          all.map((one) => ({
            ...one,
            problems: one.problems.filter(
              ({ name, value }) => value !== undefined || !name.endsWith('_SECRET'),
            ),
          })),
        );
    throw error;
  }
}

/** The processes of these names, all of them for no name; throws a CommandError for one that there is not. */
export function processesNamed(names: readonly string[]): readonly ProcessEntry[] {
  const unknown = names.find((wanted) => !PROCESSES.some(({ name }) => name === wanted));
  if (unknown !== undefined) {
    const all = PROCESSES.map(({ name }) => name).join(', ');
    throw new CommandError(EXIT.notFound, `no such process: ${unknown} (there are ${all})`);
  }
  return PROCESSES.filter(({ name }) => names.length === 0 || names.includes(name));
}

/** Throws one SettingsError with every problem of every process, each once; `others` first. */
export function throwProblems(all: readonly ProcessSettings[], others: readonly SettingProblem[] = []): void {
  const unique = new Map<string, SettingProblem>();
  for (const problem of others) unique.set(JSON.stringify(problem), problem);
  for (const { problems } of all) {
    for (const problem of problems) unique.set(JSON.stringify(problem), problem);
  }
  for (const problem of portsTakenTwice(all)) unique.set(JSON.stringify(problem), problem);
  if (unique.size > 0) throw new SettingsError([...unique.values()]);
}

/** Those of `entries` that can be run here. */
export function installed(entries: readonly ProcessEntry[]): { entry: ProcessEntry; main: string }[] {
  return entries.flatMap((entry) => {
    const main = mainOf(entry);
    return main === undefined ? [] : [{ entry, main }];
  });
}
