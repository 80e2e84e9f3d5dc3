import { resolveSettings, type SettingReport } from '../settings/load.js';
import { allKnownNames, definitionOf, type ProcessEntry } from '../settings/registry.js';
import type { SettingProblem } from '../settings/settings-error.js';

/** One process's settings, with where they come from and what is wrong with them. */
export interface ProcessSettings {
  readonly entry: ProcessEntry;
  /** Undefined where something is wrong. */
  readonly settings: Readonly<Record<string, unknown>> | undefined;
  readonly reports: readonly SettingReport[];
  readonly problems: readonly SettingProblem[];
}

/** Reads the settings of several processes, unknown names included. Processes that are not installed are left out. */
export async function readSettings(
  entries: readonly ProcessEntry[],
  environment: NodeJS.ProcessEnv,
): Promise<ProcessSettings[]> {
  const known = await allKnownNames();
  const all: ProcessSettings[] = [];
  for (const entry of entries) {
    const definition = await definitionOf(entry);
    if (definition === undefined) continue;
    const resolved = resolveSettings(definition, {
      process: entry.name,
      environment,
      ...(known === undefined ? {} : { known }),
    });
    all.push({ entry, ...resolved });
  }
  return all;
}
