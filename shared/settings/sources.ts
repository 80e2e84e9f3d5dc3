import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import type { SettingProblem } from './settings-error.js';

/** Where a text came from. */
export type SettingSource = 'environment' | '.env' | 'file' | 'default' | 'unset';

export interface FoundText {
  readonly text: string;
  readonly source: SettingSource;
  /** The key under which it was found: the name itself, with a process's prefix, or with `_FILE`. */
  readonly key: string;
}

/** The environment and `.env`, the former first. An empty value counts as not set. */
export class SettingSources {
  readonly environment: NodeJS.ProcessEnv;
  readonly dotenv: Readonly<Record<string, string>>;
  /** Lines of `.env` (from 1) that are no setting: `NAME VALUE`, a name with a space. */
  readonly strayLines: readonly number[];

  constructor(environment: NodeJS.ProcessEnv, dotenvPath: string) {
    this.environment = environment;
    const text = readDotenv(dotenvPath);
    this.dotenv = parse(text);
    this.strayLines = strayLines(text);
  }

  /** Looks for one key; with `fromFile`, also for `KEY_FILE` beside it. */
  find(key: string, fromFile: boolean, problem: (problem: SettingProblem) => void): FoundText | undefined {
    for (const [source, values] of [
      ['environment', this.environment],
      ['.env', this.dotenv],
    ] as const) {
      const text = values[key];
      const file = fromFile ? values[`${key}_FILE`] : undefined;
      if (text && file) problem({ name: key, expected: `expected either ${key} or ${key}_FILE, not both` });
      if (text) return { text, source, key };
      if (file) {
        try {
          return {
            text: readFileSync(file, 'utf8').replace(/\r?\n$/, ''),
            source: 'file',
            key: `${key}_FILE`,
          };
        } catch (error) {
          const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
          problem({
            name: `${key}_FILE`,
            value: file,
            expected: `expected a file that can be read (${code})`,
          });
          return undefined;
        }
      }
    }
    return undefined;
  }
}

function readDotenv(dotenvPath: string): string {
  try {
    return readFileSync(dotenvPath, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return '';
    throw error;
  }
}

/** A value in quotes may go over several lines. */
const QUOTED = /^\s*(?:export\s+)?[\w.-]+\s*[=:]\s*(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`)/gm;
const SETTING_LINE = /^\s*(?:export\s+)?[\w.-]+(?:\s*=|:\s)/;

function strayLines(text: string): number[] {
  const lines = text.replace(QUOTED, (value) => `X=${value.replace(/[^\n]/g, '')}`).split('\n');
  return lines.flatMap((line, index) =>
    /^\s*(?:#|$)/.test(line) || SETTING_LINE.test(line) ? [] : [index + 1],
  );
}
