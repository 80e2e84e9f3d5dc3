import type { ParseArgsConfig } from 'node:util';
import { loadSettings } from '../settings/load.js';
import { defineSettings, type Loaded } from '../settings/setting.js';
import { sharedSettings, systemSettings } from '../settings/shared.js';

/** What a command gets: parsed arguments and where to print. */
export interface CommandContext {
  /** The words after the command's own. */
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** `--json`: data is printed as one JSON value. */
  readonly json: boolean;
  readonly environment: NodeJS.ProcessEnv;
  print(text: string): void;
  printError(text: string): void;
}

/** One command of `entourage`: a line of the help, its own options, and what it does. */
export interface Command {
  readonly name: string;
  /** How it is written, without `entourage`; several ways are lines. */
  readonly usage: string;
  readonly summary: string;
  /** How many words it takes at most, where it does not look itself. */
  readonly words?: number;
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** Resolves with the exit code; throws CommandError, SettingsError or ControlError for people. */
  run(context: CommandContext): Promise<number>;
}

const definition = defineSettings({ ...sharedSettings, ...systemSettings });
export type SystemSettings = Loaded<typeof definition.entries>;

/** The settings that commands themselves need. `process` is whose prefix overrides count. */
export function systemSettingsOf(environment: NodeJS.ProcessEnv, process = 'start'): SystemSettings {
  return loadSettings(definition, { process, environment, partial: true });
}

/** Columns as wide as their widest cell, separated by two spaces. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
