import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';

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

  constructor(environment: NodeJS.ProcessEnv, dotenvPath: string) {
    this.environment = environment;
    this.dotenv = readDotenv(dotenvPath);
  }

  /** Looks for one key; with `fromFile`, also for `KEY_FILE` beside it. */
  find(
    key: string,
    fromFile: boolean,
    problem: (expected: string, value?: string) => void,
  ): FoundText | undefined {
    for (const [source, values] of [
      ['environment', this.environment],
      ['.env', this.dotenv],
    ] as const) {
      const text = values[key];
      const file = fromFile ? values[`${key}_FILE`] : undefined;
      if (text && file) problem(`expected either ${key} or ${key}_FILE, not both`);
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
          problem(`expected ${key}_FILE to name a readable file (${code})`, file);
          return undefined;
        }
      }
    }
    return undefined;
  }
}

function readDotenv(dotenvPath: string): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(dotenvPath, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return {};
    throw error;
  }
  return parse(text);
}
